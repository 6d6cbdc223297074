// npm run worker-figures: the worker in numbers. Arguments go to it: npm run worker-figures -- accuracy --store embedded
import { runInForeground } from '../bootstrap/programs.mjs';

const args = ['--conditions=@mailgrant/source', 'packages/worker/figures/main.ts', ...process.argv.slice(2)];
process.exitCode = await runInForeground('node', args);
