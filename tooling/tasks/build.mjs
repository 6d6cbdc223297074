// npm run build: builds every package and app, or those that a filter of turbo names: npm run build -- './packages/*'
import { build } from './build-packages.mjs';

process.exitCode = (await build(process.argv[2])) ? 0 : 1;
