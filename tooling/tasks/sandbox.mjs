// npm run sandbox: Microsoft on localhost, until it is stopped. Arguments go to it: npm run sandbox -- --help
import { runInForeground } from '../bootstrap/programs.mjs';
import { build } from './build-packages.mjs';

process.exitCode = (await build('@mailgrant/sandbox'))
  ? await runInForeground('node', ['--enable-source-maps', 'packages/sandbox/dist/main.js', ...process.argv.slice(2)])
  : 1;
