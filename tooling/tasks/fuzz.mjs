// npm run fuzz: the core's properties, from source, with a large budget. Arguments go to it: npm run fuzz -- --minutes 10
import { runInForeground } from '../bootstrap/programs.mjs';

const args = ['--conditions=@mailgrant/source', 'tooling/fuzz/src/main.ts', ...process.argv.slice(2)];
process.exitCode = await runInForeground('node', args);
