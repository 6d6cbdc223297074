// npm run demo: builds the example (cached) and runs it; `-- --once` ends after the sends.
import { runAll } from './run-all.mjs';

process.exitCode = runAll([
  ['turbo', 'run', 'build', '--filter=@mailgrant/example', '--output-logs=errors-only'],
  ['node', '--enable-source-maps', 'apps/example/dist/main.js', ...process.argv.slice(2)],
]);
