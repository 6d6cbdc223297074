// The command: starts a sandbox on fixed ports, says how to use it, runs until it is told to stop.
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { createSandbox, type Sandbox } from './sandbox.ts';
import type { SandboxOptions } from './sandbox-options.ts';

const HELP = `mailgrant-sandbox: Microsoft 365 on localhost, for mail

  --smtp-port <port>   SMTP with STARTTLS (default 2525, or any free port)
  --http-port <port>   token endpoint and inbox page (default 8025, or any free port)
  --ca-file <path>     write the certificate authority to this PEM file
  --refuse <address>   refuse this recipient (can be given several times)
  --help               show this

Settings found in MAILGRANT_TENANT_ID, MAILGRANT_CLIENT_ID, MAILGRANT_CLIENT_SECRET and MAILGRANT_USER are taken over,
so that they stay the same from one start to the next.`;

const OPTIONS = {
  'smtp-port': { type: 'string' },
  'http-port': { type: 'string' },
  'ca-file': { type: 'string' },
  refuse: { type: 'string', multiple: true },
  help: { type: 'boolean' },
} as const;

type Environment = Readonly<Record<string, string | undefined>>;

function port(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (/^\d{1,5}$/.test(text) && number < 65_536) return number;
  throw new TypeError(`--${name} takes a port from 0 to 65535, not ${JSON.stringify(text)}`);
}

const isTaken = (error: unknown): error is Error & { readonly port: number } =>
  error instanceof Error && 'code' in error && error.code === 'EADDRINUSE' && 'port' in error;

/** A sandbox on the ports asked for; a port nobody asked for gives way when it is taken. */
async function start(options: SandboxOptions, asked: { smtp?: number; http?: number }): Promise<Sandbox> {
  const ports = { smtp: asked.smtp ?? 2525, http: asked.http ?? 8025 };
  for (;;) {
    try {
      return await createSandbox({ ...options, ports });
    } catch (error) {
      if (!isTaken(error)) throw error;
      if (error.port === ports.smtp && asked.smtp === undefined) ports.smtp = 0;
      else if (error.port === ports.http && asked.http === undefined) ports.http = 0;
      else throw error;
    }
  }
}

/** The first tenant, with the ids of the environment where it has some. */
function tenantFrom(env: Environment): NonNullable<SandboxOptions['tenants']>[number] {
  const { MAILGRANT_TENANT_ID: id, MAILGRANT_CLIENT_ID: clientId, MAILGRANT_USER: user } = env;
  const secret = env['MAILGRANT_CLIENT_SECRET'];
  const domain = user?.split('@')[1];
  return {
    ...(id && { id }),
    ...(domain && { domains: ['contoso.onmicrosoft.com', domain] }),
    ...(user && { mailboxes: [user] }),
    apps: [{ ...(clientId && { clientId }), ...(secret && { secrets: [secret] }) }],
  };
}

function instructions(sandbox: Sandbox, caFile: string | undefined): string {
  const variables = {
    MAILGRANT_TENANT_ID: sandbox.tenantId,
    MAILGRANT_CLIENT_ID: sandbox.clientId,
    MAILGRANT_CLIENT_SECRET: sandbox.clientSecret,
    MAILGRANT_USER: sandbox.mailbox,
    MAILGRANT_TOKEN_ENDPOINT: sandbox.tokenEndpoint,
    MAILGRANT_SMTP_HOST: sandbox.smtp.host,
    MAILGRANT_SMTP_PORT: String(sandbox.smtp.port),
    ...(caFile !== undefined && { NODE_EXTRA_CA_CERTS: caFile }),
  };
  return `Microsoft 365 on localhost, nothing leaves this machine.

  inbox   ${sandbox.url}
  SMTP    ${sandbox.smtp.host}:${sandbox.smtp.port} (STARTTLS)
  tokens  ${sandbox.tokenEndpoint}
  https   ${sandbox.authority}
  CA      ${caFile ?? `${sandbox.url}api/ca.pem`}

To send to it, set:

${Object.entries(variables)
  .map(([name, value]) => `  export ${name}='${value}'`)
  .join('\n')}

Stop it with Ctrl+C.
`;
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
  const [smtp, http] = [port('smtp-port', values['smtp-port']), port('http-port', values['http-port'])];
  const refuse = (values.refuse ?? []).map((match) => ({
    match,
    reply: `550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient ${match} not found by SMTP address lookup`,
  }));
  const sandbox = await start(
    { tenants: [tenantFrom(env)], smtp: { refuse } },
    { ...(smtp !== undefined && { smtp }), ...(http !== undefined && { http }) },
  );
  const caFile = values['ca-file'] === undefined ? undefined : resolve(values['ca-file']);
  if (caFile !== undefined) {
    try {
      await writeFile(caFile, sandbox.ca);
    } catch (error) {
      await sandbox.close();
      throw error;
    }
  }
  print(instructions(sandbox, caFile));
  return sandbox;
}
