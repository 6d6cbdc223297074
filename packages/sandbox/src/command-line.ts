// The command: starts a sandbox on fixed ports, says how to use it, runs until it is told to stop.
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Cloud } from './directory.ts';
import type { TenantOptions } from './directory-options.ts';
import type { FaultWord } from './faults/named-fault.ts';
import { instructions } from './instructions.ts';
import { createSandbox, type Sandbox } from './sandbox.ts';
import type { SandboxOptions } from './sandbox-options.ts';

const HELP = `mailgrant-sandbox: Microsoft 365 on localhost, for mail

  --port <port>         one base port: SMTP on it, HTTP on the next, then HTTPS, then High Volume Email
  --smtp-port <port>    SMTP with STARTTLS (default 2525, or any free port)
  --http-port <port>    token endpoint, inbox page and API (default 8025, or any free port)
  --https-port <port>   the same over TLS (default 8026, or any free port)
  --hve-port <port>     SMTP of High Volume Email (default 2526, or any free port)
  --hve <address>       the High Volume Email account (default: bulk@ the domain)
  --cloud <cloud>       worldwide, usgov or china (default: worldwide)
  --ca-file <path>      write the certificate authority to this PEM file
  --fault <name>        a fault by its name, until it is cleared (can be given several times; GET /api/faults lists them)
  --refuse <address>    refuse this recipient (can be given several times)
  --help                show this

Settings found in MAILGRANT_TENANT_ID, MAILGRANT_CLIENT_ID, MAILGRANT_CLIENT_SECRET and MAILGRANT_USER are taken over,
so that they stay the same from one start to the next.`;

const OPTIONS = {
  port: { type: 'string' },
  'smtp-port': { type: 'string' },
  'http-port': { type: 'string' },
  'https-port': { type: 'string' },
  'hve-port': { type: 'string' },
  hve: { type: 'string' },
  cloud: { type: 'string' },
  'ca-file': { type: 'string' },
  fault: { type: 'string', multiple: true },
  refuse: { type: 'string', multiple: true },
  help: { type: 'boolean' },
} as const;

/** In the order a base port counts them, with the port that is tried where none was asked for. */
const LISTENERS = { smtp: 2525, http: 8025, https: 8026, hve: 2526 } as const;

type Listener = keyof typeof LISTENERS;

const CLOUDS = ['worldwide', 'usgov', 'china'] as const satisfies readonly Cloud[];

type Environment = Readonly<Record<string, string | undefined>>;

function port(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (/^\d{1,5}$/.test(text) && number < 65_536) return number;
  throw new TypeError(`--${name} takes a port from 0 to 65535, not ${JSON.stringify(text)}`);
}

/** The ports that were asked for, one by one or by their base. */
function portsFrom(values: Readonly<Record<string, unknown>>): Partial<Record<Listener, number>> {
  const text = (name: string): string | undefined => values[name] as string | undefined;
  const base = port('port', text('port'));
  if (base !== undefined && base + 3 > 65_535) throw new TypeError('--port takes a base with room for four ports');
  const asked = Object.keys(LISTENERS).map((listener, index) => {
    const own = port(`${listener}-port`, text(`${listener}-port`));
    // Port 0 is any free one, which has no neighbours.
    return [listener, own ?? (base === undefined || base === 0 ? base : base + index)] as const;
  });
  return Object.fromEntries(asked.filter(([, number]) => number !== undefined));
}

/** EACCES: some systems reserve ranges of ports. */
const TAKEN: ReadonlySet<unknown> = new Set(['EADDRINUSE', 'EACCES']);

const isTaken = (error: unknown): error is Error & { readonly port: number } =>
  error instanceof Error && 'code' in error && TAKEN.has(error.code) && 'port' in error;

/** A sandbox on the ports asked for; a port nobody asked for gives way when it is taken. */
async function start(options: SandboxOptions, asked: Partial<Record<Listener, number>>): Promise<Sandbox> {
  const ports: Record<Listener, number> = { ...LISTENERS, ...asked };
  for (;;) {
    try {
      return await createSandbox({ ...options, ports });
    } catch (error) {
      if (!isTaken(error)) throw error;
      const taken = (Object.keys(LISTENERS) as Listener[]).find((one) => ports[one] === error.port);
      if (taken === undefined || asked[taken] !== undefined) throw error;
      ports[taken] = 0;
    }
  }
}

/** The first tenant, with the ids of the environment where it has some. */
function tenantFrom(env: Environment, cloud: Cloud, hve: string | undefined): TenantOptions & { hve: [string] } {
  const { MAILGRANT_TENANT_ID: id, MAILGRANT_CLIENT_ID: clientId, MAILGRANT_USER: user } = env;
  const secret = env['MAILGRANT_CLIENT_SECRET'];
  const domain = user?.split('@')[1];
  return {
    cloud,
    ...(id && { id }),
    ...(domain && { domains: ['contoso.onmicrosoft.com', domain] }),
    ...(user && { mailboxes: [user] }),
    hve: [hve ?? `bulk@${domain ?? 'contoso.com'}`],
    apps: [{ ...(clientId && { clientId }), ...(secret && { secrets: [secret] }) }, { managedIdentity: true }],
  };
}

/**
 * Runs the command up to the point where it serves.
 * @returns the sandbox, or `undefined` when there was nothing to start (`--help`)
 * @throws TypeError for arguments it does not know, Error when a port asked for is taken
 */
export async function runCommand(
  args: readonly string[],
  env: Environment,
  print: (text: string) => void,
): Promise<Sandbox | undefined> {
  const { values } = parseArgs({ args: [...args], options: OPTIONS, strict: true });
  if (values.help === true) {
    print(`${HELP}\n`);
    return undefined;
  }
  const cloud = CLOUDS.find((one) => one === (values.cloud ?? 'worldwide'));
  if (cloud === undefined) throw new TypeError(`--cloud takes one of ${CLOUDS.join(', ')}, not ${values.cloud}`);
  const tenant = tenantFrom(env, cloud, values.hve);
  const refuse = (values.refuse ?? []).map((match) => ({
    match,
    reply: `550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient ${match} not found by SMTP address lookup`,
  }));
  const sandbox = await start({ tenants: [tenant], smtp: { refuse } }, portsFrom(values));
  const caFile = values['ca-file'] === undefined ? undefined : resolve(values['ca-file']);
  try {
    for (const name of values.fault ?? []) sandbox.fault(name as FaultWord, { times: Infinity });
    if (caFile !== undefined) await writeFile(caFile, sandbox.ca);
  } catch (error) {
    await sandbox.close();
    throw error;
  }
  print(instructions(sandbox, { caFile, hveAccount: tenant.hve[0] }));
  return sandbox;
}
