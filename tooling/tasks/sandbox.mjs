// npm run sandbox: Microsoft on localhost, until it is stopped. Arguments go to it: npm run sandbox -- --help
import { runBuilt } from './run-built.mjs';

process.exitCode = await runBuilt('@mailgrant/sandbox', 'packages/sandbox/dist/main.js');
