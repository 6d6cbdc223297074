// npm test: builds what the packed-tarball test needs (cached), then runs every test from source.
// Arguments go to vitest: npm test -- reply-parser
import { runAll } from './run-all.mjs';

process.exitCode = runAll([
  ['turbo', 'run', 'build', '--output-logs=errors-only'],
  ['vitest', 'run', ...process.argv.slice(2)],
]);
