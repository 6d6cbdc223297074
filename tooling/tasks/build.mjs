// npm run build: builds every package and app.
import { build } from './build-packages.mjs';

process.exitCode = (await build()) ? 0 : 1;
