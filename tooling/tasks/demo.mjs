// npm run demo: the example against a sandbox, or Microsoft 365; `-- --once` ends after the sends.
import { runBuilt } from './run-built.mjs';

process.exitCode = await runBuilt('@mailgrant/example', 'apps/example/dist/main.js');
