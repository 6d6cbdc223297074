// npm run crash: workers are killed while they send, from source. Arguments go to it: npm run crash -- --store embedded
import { runInForeground } from '../bootstrap/programs.mjs';

const args = ['--conditions=@mailgrant/source', 'packages/worker/test/crash/main.ts', ...process.argv.slice(2)];
process.exitCode = await runInForeground('node', args);
