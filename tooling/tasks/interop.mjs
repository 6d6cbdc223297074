// npm run interop: builds what is tried, then sends mail through real servers. Arguments go to it: npm run interop -- exim
import { runInForeground } from '../bootstrap/programs.mjs';
import { build } from './build-packages.mjs';

process.exitCode = (await build('@mailgrant/interop'))
  ? await runInForeground('node', ['--enable-source-maps', 'tooling/interop/dist/main.js', ...process.argv.slice(2)])
  : 1;
