// npm run fuzz [-- --minutes <n>] [--seed <n>] [--only <name>] [--path <path>]: every property of the core for as long as
// it is told, round after round, each round from a seed of its own.
import { parseArgs } from 'node:util';
import { PROPERTIES } from '../../../packages/core/test/properties/index.ts';
import type { Failure, Property } from '../../../packages/core/test/properties/property.ts';
import { type Finding, printed } from './report.ts';

const USAGE = `npm run fuzz [-- --minutes <n>] [--seed <n>] [--only <name>] [--path <path>]

  --minutes <n>  for how long, all properties together; default 1
  --seed <n>     where to begin; printed, so that a run can be made again
  --only <name>  properties with this in their name; may be repeated
  --path <path>  with --seed and --only: the one case that failed, as it was printed

Properties:
${PROPERTIES.map(({ name, title }) => `  ${name.padEnd(24)} ${title}`).join('\n')}`;

/** Runs of one round. Within a round examples grow; many short rounds try more small ones than one long round. */
const ROUND = 1_000;
/** After this many different failures of a property there is enough to look at. */
const ENOUGH = 3;

interface Options {
  readonly properties: readonly Property[];
  /** Milliseconds. */
  readonly time: number;
  readonly seed: number;
  readonly path: string | undefined;
}

/** What was asked for; `undefined` after an explanation of why not. */
function options(): Options | undefined {
  try {
    const { values } = parseArgs({
      options: {
        minutes: { type: 'string' },
        seed: { type: 'string' },
        only: { type: 'string', multiple: true },
        path: { type: 'string' },
        help: { type: 'boolean' },
      },
    });
    if (values.help === true) {
      console.log(USAGE);
      return undefined;
    }
    const minutes = Number(values.minutes ?? '1');
    if (!(minutes > 0)) throw new Error('--minutes: a number above 0');
    const seed = Number(values.seed ?? Date.now() % 2 ** 31);
    if (!Number.isInteger(seed)) throw new Error('--seed: a whole number');
    const only = values.only ?? [''];
    // With a path there is one property to look at, and its whole name was printed.
    const matches = ({ name }: Property): boolean =>
      only.some((text) => (values.path === undefined ? name.includes(text) : name === text));
    const properties = PROPERTIES.filter(matches);
    if (properties.length === 0) throw new Error(`there is no property ${only.join(', ')}`);
    if (values.path !== undefined && (properties.length > 1 || values.seed === undefined)) {
      throw new Error('--path belongs to one property and its seed');
    }
    return { properties, time: minutes * 60_000, seed, path: values.path };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    process.exitCode = 2;
    return undefined;
  }
}

/** Tries one property until its time is over. */
async function fuzz(property: Property, { time, seed, path }: Options): Promise<Finding> {
  const start = performance.now();
  const left = (): number => time - (performance.now() - start);
  const failures: Failure[] = [];
  let runs = 0;
  for (let round = 0; (round === 0 || left() > 0) && failures.length < ENOUGH; round += 1) {
    const found = await property.round({ runs: ROUND, time: left(), seed: (seed + round) | 0, path });
    runs += found.runs;
    const { failure } = found;
    if (failure !== undefined && !failures.some((other) => similar(other, failure))) failures.push(failure);
    if (path !== undefined) break;
  }
  return { name: property.name, runs, time: performance.now() - start, failures };
}

/** Whether two failures are likely to be one mistake: the same words about other examples. */
const similar = (a: Failure, b: Failure): boolean => wordsOf(a) === wordsOf(b);
const wordsOf = ({ message }: Failure): string => message.slice(0, 80).replace(/[^a-z ]/gi, '');

async function main(given: Options): Promise<void> {
  const { properties, seed } = given;
  console.log(`seed ${seed}, ${properties.length} ${properties.length === 1 ? 'property' : 'properties'}`);
  const findings: Finding[] = [];
  for (const property of properties) {
    const finding = await fuzz(property, { ...given, time: given.time / properties.length });
    findings.push(finding);
    if (finding.failures.length > 0) console.log(`${property.name}: ${finding.failures.length} failed`);
  }
  console.log(`\n${printed(findings)}\n`);
  if (findings.some(({ failures }) => failures.length > 0)) process.exitCode = 1;
}

const given = options();
if (given !== undefined) await main(given);
