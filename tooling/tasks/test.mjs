// npm test: every test, from source. Arguments go to vitest: npm test -- reply-parser
import { runInForeground } from '../bootstrap/programs.mjs';

process.exitCode = await runInForeground('vitest', ['run', ...process.argv.slice(2)]);
