// npm run demo: builds the example and runs it; `-- --once` ends after the sends.
import { runInForeground } from '../bootstrap/programs.mjs';
import { build } from './build-packages.mjs';

process.exitCode = (await build('@mailgrant/example'))
  ? await runInForeground('node', ['--enable-source-maps', 'apps/example/dist/main.js', ...process.argv.slice(2)])
  : 1;
