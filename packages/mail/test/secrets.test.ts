// Secrets of every kind, through success and failure, and a search for them in all that could be seen.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { memoryTokenStore } from '@mailgrant/core';
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  createMailClient,
  createMailClients,
  httpProblem,
  type MailAccount,
  mailOptionsFromEnv,
  mailOptionsSchema,
} from '../src/index.ts';
import { selfSigned } from './certificates.ts';
import { accountOf, failure, mailTo } from './helpers.ts';

const CANARY = 'canary~Zm9v-secret.value';
const { key, cert } = selfSigned();
const CHANNELS = ['mailgrant:smtp:transcript', 'mailgrant:token:events'];
const EVENTS = ['sending', 'sent', 'refused', 'failed', 'cancelled', 'token'] as const;

let sandbox: Sandbox;
let seen: string[];

const printed = (value: unknown): string =>
  `${inspect(value, { depth: 20, showHidden: true, maxStringLength: null })} ${JSON.stringify(value)} ${String(value)}`;
const see = <T>(value: T): T => {
  seen.push(printed(value));
  return value;
};

beforeEach(async () => {
  seen = [];
  sandbox = await createSandbox({ tenants: [{ apps: [{ secrets: [CANARY], certificates: [cert] }] }] });
  for (const channel of CHANNELS) subscribe(channel, see);
});
afterEach(async () => {
  for (const channel of CHANNELS) unsubscribe(channel, see);
  await sandbox.close();
});

/** Sends, looks at everything, and says how it ended. */
async function use(account: MailAccount): Promise<unknown> {
  await using clients = createMailClients({ clients: { default: { accounts: [account, account] } } });
  const client = clients.get();
  for (const name of EVENTS) client.on(name, (event) => void see(event));
  const outcome = await client.send(mailTo('ada@example.org')).catch((error: unknown) => error);
  await client.verify().then(see, see);
  for (const value of [outcome, client, clients, client.health(), clients.health(), httpProblem(outcome)]) see(value);
  return outcome;
}

const spilled = (...secrets: string[]): string[] =>
  secrets.filter((secret) =>
    seen.some((text) => text.includes(secret) || text.includes(Buffer.from(secret).toString('base64'))),
  );

test('a client secret, accepted and refused', async () => {
  expect(await use(accountOf(sandbox, { clientSecret: CANARY }))).toHaveProperty('messageId');
  expect(await use(accountOf(sandbox, { clientSecret: `${CANARY}-2` }))).toMatchObject({ code: 'ERR_OAUTH_REFUSED' });
  expect(spilled(CANARY, sandbox.mailbox)).toEqual([sandbox.mailbox]); // the search does find what is there
});

test('a refresh token that is refused, with its client secret and its store', async () => {
  const refreshToken = { value: CANARY, store: memoryTokenStore(), key: 'reports' };
  const error = await use(accountOf(sandbox, { refreshToken, clientSecret: CANARY }));
  expect(error).toMatchObject({ code: 'ERR_OAUTH_REFUSED' });
  expect(spilled(CANARY)).toEqual([]);
});

test('a certificate, and a passphrase that opens nothing', async () => {
  const authority = new URL(sandbox.url).origin;
  const way = { clientSecret: undefined, tokenEndpoint: undefined, tenantId: sandbox.tenantId, authority };
  expect(await use(accountOf(sandbox, { ...way, certificate: { pem: cert + key } }))).toHaveProperty('messageId');
  const pfx = Buffer.from('no PKCS #12');
  expect(await use(accountOf(sandbox, { ...way, certificate: { pfx, passphrase: CANARY } }))).toMatchObject({
    code: expect.stringMatching(/^ERR_/),
  });
  expect(spilled(CANARY, ...key.split('\n').filter((line) => line.length > 40))).toEqual([]);
});

test('an access token the server refuses', async () => {
  sandbox.exchange.next('AUTH', { reply: '535 5.7.3 Authentication unsuccessful', times: 9 });
  const tokens: string[] = [];
  const token = async (): Promise<{ value: string; expiresAt: number }> => {
    const value = await sandbox.entra.issue();
    tokens.push(value);
    return { value, expiresAt: Date.now() + 3_600_000 };
  };
  const way = { clientSecret: undefined, tokenEndpoint: undefined, clientId: undefined, scope: undefined };
  expect(await use(accountOf(sandbox, { ...way, token }))).toMatchObject({ code: 'ERR_SMTP_AUTH_REFUSED' });
  expect(tokens.length).toBeGreaterThan(0);
  expect(spilled(...tokens)).toEqual([]);
});

test('settings that cannot work, from objects and the environment, wherever the secret stands', async () => {
  for (const name of [
    'user',
    'host',
    'port',
    'tenantId',
    'clientId',
    'authority',
    'tokenEndpoint',
    'provider',
    'password',
    'tls',
  ]) {
    const options = { account: { ...accountOf(sandbox), [name]: CANARY } };
    see(mailOptionsSchema['~standard'].validate(options).issues);
    see(await failure(Promise.resolve().then(() => createMailClient(options as never))));
    const variable = `MAIL_${name.replace(/[A-Z]/g, '_$&').toUpperCase()}`;
    see(await failure(Promise.resolve().then(() => mailOptionsFromEnv({ [variable]: CANARY, MAIL_PORT: 'x' }))));
  }
  see(await failure(Promise.resolve().then(() => mailOptionsFromEnv({ MAIL_URL: `microsoft365://${CANARY}` }))));
  expect(spilled(CANARY)).toEqual([]);
});
