// npm run bench [-- <scenario>…] [--quick] [--json <file>]: every claim of speed, with nodemailer beside us in the same run.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createCertificate } from './certificate.ts';
import { type Findings, printed } from './report.ts';
import type { Context, Scenario } from './scenario.ts';
import { SCENARIOS } from './scenarios/index.ts';

const USAGE = `npm run bench [-- [scenario…] [--quick] [--json <file>]]

Scenarios (all, unless some are named):
${SCENARIOS.map(({ name, title }) => `  ${name.padEnd(12)} ${title}`).join('\n')}

  --quick        see that everything works; the figures mean little
  --json <file>  write the figures to a file`;

interface Options {
  readonly scenarios: readonly Scenario[];
  readonly quick: boolean;
  readonly json: string | undefined;
}

/** What was asked for; `undefined` after an explanation of why not. */
function options(): Options | undefined {
  try {
    const { values, positionals } = parseArgs({
      options: { quick: { type: 'boolean' }, json: { type: 'string' }, help: { type: 'boolean' } },
      allowPositionals: true,
    });
    if (values.help === true) {
      console.log(USAGE);
      return undefined;
    }
    const unknown = positionals.find((name) => !SCENARIOS.some((scenario) => scenario.name === name));
    if (unknown !== undefined) throw new Error(`there is no scenario ${unknown}`);
    return {
      scenarios: SCENARIOS.filter(({ name }) => positionals.length === 0 || positionals.includes(name)),
      quick: values.quick === true,
      json: values.json,
    };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    process.exitCode = 2;
    return undefined;
  }
}

async function main({ scenarios, quick, json }: Options): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'mailgrant-bench-'));
  try {
    const certificate = await createCertificate();
    const certificateFile = join(folder, 'certificate.pem');
    await writeFile(certificateFile, certificate.certificate);
    const context: Context = { certificate, certificateFile, folder, quick };

    const machine = `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${availableParallelism()} cores, Node ${process.version}`;
    console.log(`${machine}. Medians of alternated runs; trust the ratios, not the figures.`);
    const findings: Record<string, Findings & { title: string; seconds: number }> = {};
    for (const scenario of scenarios) {
      const start = performance.now();
      const found = await scenario.run(context);
      const seconds = (performance.now() - start) / 1000;
      findings[scenario.name] = { title: scenario.title, seconds, ...found };
      console.log(`\n── ${scenario.name}: ${scenario.title} (${seconds.toFixed(0)} s)\n\n${printed(found)}`);
    }
    if (quick) console.log('\nA quick run: the figures mean little.');
    if (json !== undefined) {
      const report = { date: new Date().toISOString(), machine, quick, scenarios: findings };
      await writeFile(json, `${JSON.stringify(report, undefined, 2)}\n`);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

const given = options();
if (given !== undefined) await main(given);
