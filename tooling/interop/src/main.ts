// npm run interop [-- [server…] [--case <text>] [--install] [--json <file>] [--keep]]: the same mail through real servers, held against
// what was sent. Everything happens on the loopback and in a temporary folder.
import { rmSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createAccounts } from './accounts.ts';
import { Bench, NotOffered } from './bench.ts';
import { CASES, type Case } from './cases.ts';
import { createCertificate } from './certificate.ts';
import { unpackPackages } from './debian.ts';
import { type Finding, type ServerReport, printed } from './report.ts';
import type { ServerContext, ServerKind } from './server.ts';
import { dovecot } from './servers/dovecot.ts';
import { exim } from './servers/exim.ts';
import { postfix } from './servers/postfix.ts';
import { smtpServer } from './servers/smtp-server.ts';
import { startSink } from './sink.ts';

const SERVERS: readonly ServerKind[] = [smtpServer, exim, postfix, dovecot];

const USAGE = `npm run interop [-- [server…] [--case <text>] [--install] [--json <file>] [--keep]]

Servers: ${SERVERS.map(({ name }) => name).join(', ')}. All that can run here, unless some are named.

  --case <text>  only cases with this in their name; may be repeated
  --install      download and unpack Debian's Exim, Postfix and Dovecot; nothing is installed on this machine
  --json <file>  write what was found to a file
  --keep         leave the temporary folder with configurations and logs`;

interface Options {
  readonly servers: readonly ServerKind[];
  readonly cases: readonly Case[];
  readonly install: boolean;
  readonly json: string | undefined;
  readonly keep: boolean;
}

/** What was asked for; `undefined` after an explanation of why not. */
function options(): Options | undefined {
  try {
    const { values, positionals } = parseArgs({
      options: {
        case: { type: 'string', multiple: true },
        install: { type: 'boolean' },
        json: { type: 'string' },
        keep: { type: 'boolean' },
        help: { type: 'boolean' },
      },
      allowPositionals: true,
    });
    if (values.help === true) {
      console.log(USAGE);
      return undefined;
    }
    const unknown = positionals.find((name) => !SERVERS.some((server) => server.name === name));
    if (unknown !== undefined) throw new Error(`there is no server ${unknown}`);
    const wanted = values.case ?? [''];
    const cases = CASES.filter(({ name }) => wanted.some((text) => name.includes(text)));
    if (cases.length === 0) throw new Error(`no case has ${wanted.join(' or ')} in its name`);
    return {
      cases,
      servers: SERVERS.filter(({ name }) => positionals.length === 0 || positionals.includes(name)),
      install: values.install === true,
      json: values.json,
      keep: values.keep === true,
    };
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${USAGE}`);
    process.exitCode = 2;
    return undefined;
  }
}

async function main({ servers, cases, install, json, keep }: Options): Promise<void> {
  if (install) await unpackPackages((line) => console.log(line));
  const folder = await mkdtemp(join(tmpdir(), 'mailgrant-interop-'));
  process.once('exit', () => {
    if (keep) console.log(`Configurations and logs: ${folder}`);
    else rmSync(folder, { recursive: true, force: true });
  });
  await chmod(folder, 0o755); // servers run as users of their own
  const certificate = await createCertificate();
  const files = { certificate: join(folder, 'certificate.pem'), key: join(folder, 'key.pem') };
  await writeFile(files.certificate, certificate.certificate);
  await writeFile(files.key, certificate.key);
  await using sink = await startSink();
  const shared = { certificate, files, accounts: createAccounts(), sink };
  const reports: ServerReport[] = [];
  for (const server of servers) {
    const own = join(folder, server.name);
    await mkdir(own);
    reports.push(await examine(server, cases, { ...shared, folder: own }));
  }
  console.log(`\n${printed(reports)}\n`);
  if (json !== undefined) {
    await writeFile(json, `${JSON.stringify({ date: new Date().toISOString(), servers: reports }, undefined, 2)}\n`);
  }
  const failed = reports.some(({ findings }) => findings.some(({ verdict }) => verdict === 'failed'));
  if (failed || reports.every(({ skipped }) => skipped !== undefined)) process.exitCode = 1;
}

async function examine(server: ServerKind, cases: readonly Case[], context: ServerContext): Promise<ServerReport> {
  const { name } = server;
  const missing = await server.missing();
  if (missing !== undefined) {
    console.log(`${name}: skipped, ${missing}`);
    return { name, version: '', skipped: missing, findings: [] };
  }
  await using running = await server.start(context);
  const bench = new Bench(running, context);
  const findings: Finding[] = [];
  const since = performance.now();
  for (const each of cases) {
    const start = performance.now();
    const outcome = await each.run(bench).then(
      (remark) => ({ verdict: 'passed' as const, remark }),
      (error: unknown) => failure(error, server.known?.[each.name]),
    );
    findings.push({ case: each.name, ...outcome, milliseconds: Math.round(performance.now() - start) });
  }
  const count = (verdict: Finding['verdict']): number => findings.filter((each) => each.verdict === verdict).length;
  const seconds = ((performance.now() - since) / 1000).toFixed(1);
  console.log(
    `${running.version}: ${count('passed')} passed, ${count('failed')} failed, ${count('known')} known, ` +
      `${count('not offered')} not offered (${seconds} s)`,
  );
  return { name, version: running.version, skipped: undefined, findings };
}

function failure(error: unknown, known: string | undefined): Pick<Finding, 'verdict' | 'remark'> {
  if (error instanceof NotOffered) return { verdict: 'not offered', remark: error.message };
  return known === undefined ? { verdict: 'failed', remark: messageOf(error) } : { verdict: 'known', remark: known };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

// A plain exit, so that the servers are ended.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));

const given = options();
if (given !== undefined) await main(given);
