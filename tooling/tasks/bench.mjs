// npm run bench: builds what is measured, then runs the bench. Arguments go to it: npm run bench -- throughput --quick
import { runInForeground } from '../bootstrap/programs.mjs';
import { build } from './build-packages.mjs';

process.exitCode = (await build('@mailgrant/bench'))
  ? await runInForeground('node', ['tooling/bench/dist/main.js', ...process.argv.slice(2)])
  : 1;
