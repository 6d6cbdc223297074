// What loading a module costs a process that has loaded nothing yet.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { atMost } from '../report.ts';
import type { Scenario } from '../scenario.ts';
import { alternated, median, ratio } from '../statistics.ts';

const MODULES = {
  'node:net, node:tls, node:crypto': ['node:net', 'node:tls', 'node:crypto'],
  '@mailgrant/core': ['@mailgrant/core'],
  nodemailer: ['nodemailer'],
  '@azure/msal-node': ['@azure/msal-node'],
  '@azure/msal-node and nodemailer': ['@azure/msal-node', 'nodemailer'],
} as const;
type Name = keyof typeof MODULES;
const BASE: Name = 'node:net, node:tls, node:crypto';

const execute = promisify(execFile);
const folder = fileURLToPath(new URL('..', import.meta.url));
// A bare process: the channel between ours would load half of what is to be measured.
const PROBE = `
  const start = performance.now();
  for (const name of process.argv.slice(1)) await import(name);
  console.log(performance.now() - start);`;

export const importing: Scenario = {
  name: 'import',
  title: 'Importing, in a process that has loaded nothing yet',
  async run(context) {
    const names = Object.keys(MODULES) as Name[];
    const results = await alternated(names, context.quick ? 1 : 21, async (name) => {
      const program = [...process.execArgv, '--input-type=module', '--eval', PROBE];
      const { stdout } = await execute(process.execPath, [...program, ...MODULES[name]], { cwd: folder });
      return Number(stdout);
    });
    const times = (name: Name): number[] => results.get(name) ?? [];
    const ofBase = (name: Name): number => ratio(times(name), times(BASE));
    return {
      tables: [
        {
          title: 'Files are in the cache of the file system',
          columns: [
            { key: 'name', title: 'module' },
            { key: 'time', title: 'ms', digits: 1 },
            { key: 'ratio', title: 'of the three of Node', digits: 1 },
          ],
          rows: names.map((name) => ({ name, time: median(times(name)), ratio: ofBase(name) })),
        },
      ],
      goals: [atMost('importing core, of importing the three of Node', 1.5, ofBase('@mailgrant/core'))],
    };
  },
};
