// Every grant with every secret it handles, through success and through refusals that quote the secrets back; then a search for
// each of them in all that could be seen: logs, errors, events, health, what inspect prints, the sandbox's page and API.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { encryptedFileTokenStore, type TokenSource } from '@mailgrant/core';
import { explain, formatExplanation } from '@mailgrant/core/diagnosis';
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  entraApp,
  entraConnect,
  type EntraCredential,
  entraDeviceCode,
  entraManagedIdentity,
  entraPassword,
} from '../src/index.ts';
import { selfSigned } from './certificates.ts';
import { cloudOf, person, send } from './sandboxed.ts';

const SECRET = 'Canary8Q~client.secret-_that~nobody.may.see';
const PASSWORD = 'Canary pässword of an account, not to be seen';
const ISSUER = 'https://issuer.example';
const HVE = 'bulk@contoso.com';
const { cert, key } = selfSigned();

const SECRET_FIELDS = [
  'client_secret',
  'client_assertion',
  'refresh_token',
  'code',
  'code_verifier',
  'device_code',
  'password',
  'access_token',
  'id_token',
  'identity_header',
];
const TRACED = ['send', 'connect', 'authenticate', 'token'].flatMap((name) =>
  ['start', 'end', 'asyncStart', 'asyncEnd', 'error'].map((event) => `tracing:mailgrant:${name}:${event}`),
);
const CHANNELS = ['mailgrant:smtp:transcript', 'mailgrant:token:events', ...TRACED];

let dir: string;
let sandbox: Sandbox;
/** Everything that was seen. */
let seen: string[];
let secrets: Map<string, Set<string>>;
/** Whether Entra refuses, quoting all it was sent. */
let quoting: boolean;

const printed = (value: unknown): string =>
  `${inspect(value, { depth: 20, showHidden: true, maxStringLength: null })} ${JSON.stringify(value)} ${String(value)}`;
const listen = (message: unknown, name: string | symbol): void => void seen.push(String(name), printed(message));
const onWarning = (warning: Error): void => void seen.push(printed(warning));

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'mailgrant-canaries-'));
  seen = [];
  secrets = new Map();
  quoting = false;
  const federatedCredentials = [{ issuer: ISSUER, subject: 'job' }];
  sandbox = await createSandbox({
    tenants: [
      {
        apps: [{ secrets: [SECRET], certificates: [cert], federatedCredentials }, { managedIdentity: true }],
        hve: [HVE],
        users: [{ upn: HVE, password: PASSWORD }],
      },
    ],
    entra: { deviceCodeInterval: 0 },
  });
  for (const name of CHANNELS) subscribe(name, listen);
  for (const method of ['log', 'info', 'warn', 'error', 'debug', 'trace'] as const) {
    vi.spyOn(console, method).mockImplementation((...values) => void seen.push(printed(values)));
  }
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      seen.push(String(text));
      return true;
    });
  }
  process.on('warning', onWarning);
});
afterEach(async () => {
  process.off('warning', onWarning);
  for (const name of CHANNELS) unsubscribe(name, listen);
  vi.restoreAllMocks();
  await sandbox.close();
  rmSync(dir, { recursive: true, force: true });
});

function remember(fields: Readonly<Record<string, unknown>>): void {
  for (const name of SECRET_FIELDS) {
    const value = fields[name];
    if (typeof value === 'string') secrets.set(name, (secrets.get(name) ?? new Set()).add(value));
  }
}

/** To Entra and back, remembering every secret that passes. */
const fetchAndRemember: typeof fetch = async (url, init) => {
  const request = new Request(url, init);
  const header = request.headers.get('x-identity-header');
  const form = {
    ...Object.fromEntries(new URLSearchParams(await request.clone().text())),
    ...(header !== null && { identity_header: header }),
  };
  remember(form);
  if (quoting) {
    const error_description = `AADSTS90014: you sent ${request.url} ${JSON.stringify(form)}`;
    return Response.json({ error: 'invalid_grant', error_description }, { status: 400 });
  }
  const response = await fetch(request);
  remember((await response.clone().json()) as Record<string, unknown>);
  return response;
};

/** What came of it, as somebody may print it. */
async function look(work: Promise<unknown>): Promise<void> {
  const outcome = await work.catch((error: unknown) => {
    seen.push(formatExplanation(explain(error)));
    return error;
  });
  seen.push(printed(outcome));
}

async function bothWays(token: TokenSource, user?: string): Promise<void> {
  const provider = user === undefined ? {} : ({ provider: 'hve', ...sandbox.hve.smtp } as const);
  seen.push(printed(token));
  quoting = false;
  await look(send(sandbox, token, user, provider));
  expect(sandbox.inbox.messages.length).toBeGreaterThan(0);
  sandbox.exchange.reply('AUTH', '535 5.7.3 Authentication unsuccessful', { times: 2 });
  if (user === undefined) await look(send(sandbox, token));
  quoting = true;
  await look(send(sandbox, token, user, provider));
  quoting = false;
}

const RUN = 12;

/** Twelve characters of a secret in a row, as they are, percent-encoded or in base64. */
function findLeak(text: string): string | undefined {
  const runs = new Map<string, string>();
  for (const [name, values] of secrets) {
    for (const value of values) {
      const inBase64 = ['', 'x', 'xx'].map((before) =>
        Buffer.from(before + value)
          .toString('base64')
          .slice(4, -4),
      );
      for (const form of [value, encodeURIComponent(value), JSON.stringify(value), ...inBase64]) {
        for (let at = 0; at + RUN <= form.length; at += 1) runs.set(form.slice(at, at + RUN), name);
      }
    }
  }
  for (let at = 0; at + RUN <= text.length; at += 1) {
    const name = runs.get(text.slice(at, at + RUN));
    if (name !== undefined) return `${name}: …${text.slice(Math.max(0, at - 60), at + RUN)}…`;
  }
  return undefined;
}

/** The sandbox's page, all its API tells, and what it wrote down. */
async function published(): Promise<string> {
  const get = async (path: string): Promise<string> => (await fetch(new URL(path, sandbox.url))).text();
  const ids = sandbox.inbox.messages.flatMap(({ id }) => [`api/messages/${id}`, `api/messages/${id}/source`]);
  const sessions = sandbox.sessions.map(({ id }) => `api/sessions/${id}`);
  const lists = ['', 'api/messages', 'api/sessions', 'api/token-requests', 'api/connection'];
  const texts = await Promise.all([...lists, ...ids, ...sessions].map(get));
  return [...texts, printed(sandbox.sessions), printed(sandbox.tokenRequests), printed(sandbox.inbox.messages)].join(
    '\n',
  );
}

async function expectNothingSeen(...fields: readonly string[]): Promise<void> {
  expect([...secrets.keys()]).toEqual(expect.arrayContaining([...fields])); // they did pass
  expect(findLeak(`x ${[...(secrets.get(fields[0] ?? '') ?? [])][0] ?? ''} x`)).toBeDefined(); // and would be found
  expect(findLeak(seen.join('\n'))).toBeUndefined();
  expect(findLeak(await published())).toBeUndefined();
}

const CREDENTIALS: readonly [string, () => EntraCredential | Promise<EntraCredential>, string][] = [
  ['a secret', () => SECRET, 'client_secret'],
  [
    'a secret in a file',
    () => {
      writeFileSync(join(dir, 'secret'), SECRET);
      return { secretFile: join(dir, 'secret') };
    },
    'client_secret',
  ],
  ['a certificate', () => ({ certificate: { pem: cert + key, sendChain: true } }), 'client_assertion'],
  [
    'an assertion',
    async () => {
      const issuer = await sandbox.entra.addIdentityProvider(ISSUER);
      return { assertion: () => issuer.sign('job') };
    },
    'client_assertion',
  ],
];

test.for(CREDENTIALS)('an application with %s', async ([, credential, field]) => {
  const source = entraApp({
    tenantId: sandbox.tenantId,
    clientId: sandbox.clientId,
    credential: [await credential(), 'Canary.of.another.secret'],
    cloud: cloudOf(sandbox),
    fetch: fetchAndRemember,
    onEvent: (event) => void seen.push(printed(event)),
  });
  await bothWays(source);
  await look(source.health());
  secrets.set('private key', new Set([key.split('\n').slice(1, -2).join('')]));
  await expectNothingSeen(field, 'access_token');
});

test('a person in the browser, and the consent that is kept', async () => {
  const connection = entraConnect({
    ...person(sandbox),
    credential: SECRET,
    store: encryptedFileTokenStore({ path: join(dir, 'store'), key: { passphrase: 'Canary of the store, too' } }),
    fetch: fetchAndRemember,
    onEvent: (event) => void seen.push(printed(event)),
  });
  const refused = await connection.begin();
  const callback = sandbox.entra.signIn(refused.url, { as: sandbox.mailbox });
  quoting = true;
  await look(connection.finish(callback));
  quoting = false;
  const { url, state } = await connection.begin();
  await connection.finish(sandbox.entra.signIn(url, { as: sandbox.mailbox }), { state });
  await bothWays(connection.token);
  for (const work of [connection.state(), connection.health(), connection.keepAlive({ idleFor: 1 })]) await look(work);
  await look(Promise.resolve(connection));
  await expectNothingSeen('refresh_token', 'code', 'code_verifier', 'id_token', 'access_token', 'client_secret');
});

test('a person on another device', async () => {
  const codes = entraDeviceCode({ ...person(sandbox), fetch: fetchAndRemember });
  const { userCode, finished } = await codes.begin();
  sandbox.entra.approveDevice(userCode, { as: sandbox.mailbox });
  await look(finished);
  const again = await codes.begin();
  quoting = true;
  await look(again.finished);
  await bothWays(codes.token);
  await expectNothingSeen('device_code', 'refresh_token', 'access_token');
});

test('a password', async () => {
  const token = entraPassword({
    tenantId: sandbox.tenantId,
    clientId: sandbox.clientId,
    cloud: cloudOf(sandbox),
    username: HVE,
    password: PASSWORD,
    fetch: fetchAndRemember,
  });
  await bothWays(token, HVE);
  await expectNothingSeen('password', 'access_token');
});

test('a managed identity', async () => {
  for (const [name, value] of Object.entries(sandbox.managedIdentity.appService)) vi.stubEnv(name, value);
  try {
    await bothWays(entraManagedIdentity({ fetch: fetchAndRemember }));
  } finally {
    vi.unstubAllEnvs();
  }
  await expectNothingSeen('identity_header', 'access_token');
});
