// npm run bench: measures beside the peers. Arguments go to it: npm run bench -- throughput --quick
import { runBuilt } from './run-built.mjs';

process.exitCode = await runBuilt('@mailgrant/bench', 'tooling/bench/dist/main.js', []); // source maps would cost time
