// Accounts from settings: every way to a token, every mistake told by name, no value repeated.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import nodemailer from 'nodemailer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createAccountMailer,
  createMailClient,
  type MailAccount,
  mailOptionsSchema,
  mailTransport,
} from '../src/index.ts';
import { accountOf, failure, mailTo } from './helpers.ts';

const CANARY = 'canary~Zm9v-secret.value';

const app = { user: 'noreply@contoso.com', tenantId: 'contoso.com', clientId: 'c', clientSecret: CANARY };

/** The problems with an account, as a client that is made with it tells them. */
function problemsOf(account: object): string {
  try {
    createMailClient({ account: account as MailAccount });
    return 'none';
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ code: 'ERR_INPUT_OPTION' });
    expect(inspect(error)).not.toContain(CANARY);
    return (error as Error).message;
  }
}

describe('with the sandbox', () => {
  let sandbox: Sandbox;
  let dir: string;

  beforeAll(async () => {
    sandbox = await createSandbox();
    dir = mkdtempSync(join(tmpdir(), 'mailgrant-mail-'));
    writeFileSync(join(dir, 'secret'), `${sandbox.clientSecret}\n`);
  });
  afterAll(async () => {
    await sandbox.close();
    rmSync(dir, { recursive: true });
  });

  const tokenOnly = { tokenEndpoint: undefined, clientId: undefined, clientSecret: undefined, scope: undefined };

  test.each<[string, () => Partial<MailAccount>]>([
    ['a client secret', () => ({})],
    ['a function that reads it', () => ({ clientSecret: async () => sandbox.clientSecret })],
    ['a file that holds it', () => ({ clientSecret: undefined, clientSecretFile: join(dir, 'secret') })],
    [
      'tenant and authority',
      () => ({
        tokenEndpoint: undefined,
        scope: undefined,
        tenantId: sandbox.tenantId,
        authority: new URL(sandbox.tokenEndpoint).origin,
      }),
    ],
    [
      'a token source',
      () => {
        const token = async () => ({ value: await sandbox.entra.issue(), expiresAt: Date.now() + 600_000 });
        return { ...tokenOnly, token };
      },
    ],
    [
      'nodemailer’s names',
      () => ({ user: undefined, secure: false, requireTLS: true, pool: true, auth: { user: sandbox.mailbox } }),
    ],
  ])('%s is a way to a token', async (_, more) => {
    await using client = createMailClient({ account: accountOf(sandbox, more()) });
    expect((await client.send(mailTo('ada@example.org'))).accepted).toEqual(['ada@example.org']);
  });

  test('a secret that is wrong is told at the first send, as what Entra said', async () => {
    await using client = createMailClient({ account: accountOf(sandbox, { clientSecret: CANARY }) });
    const error = await failure(client.send(mailTo('ada@example.org')));
    expect(error).toMatchObject({ code: 'ERR_OAUTH_REFUSED', error: 'invalid_client' });
    expect(inspect(error, { depth: 9 })).not.toContain(CANARY);
    expect(inspect([client, client.health()], { depth: 9, showHidden: true })).not.toContain(CANARY);
  });
});

test('an account for Microsoft 365 is four settings', () => {
  expect(problemsOf(app)).toBe('none');
  expect(problemsOf({ ...app, host: 'smtp.office365.com', port: 587 })).toBe('none');
});

test.each<[string, object, string]>([
  [
    'a certificate for another service',
    { ...app, clientSecret: undefined, provider: 'gmail', certificate: { path: 'a' } },
    "account.certificate: is for Microsoft's services",
  ],
  ['nothing', {}, 'account: a way to a token is missing: give tenantId, clientId and clientSecret'],
  [
    'a way half gone',
    { tenantId: 't', clientId: 'c' },
    'account: a way to a token is missing: give clientSecret, clientSecretFile',
  ],
  ['no tenant', { ...app, tenantId: undefined }, 'account.tenantId: is missing'],
  ['no client id', { ...app, clientId: '' }, 'account.clientId: is missing'],
  ['a tenant for everybody', { ...app, tenantId: 'common' }, "account.tenantId: expected the mailbox's tenant"],
  [
    'a tenant that is none',
    { ...app, tenantId: CANARY },
    "account.tenantId: expected a tenant's id or one of its domains",
  ],
  [
    'two ways',
    { ...app, token: async () => ({ value: 'x', expiresAt: 1 }) },
    'account: token and clientSecret exclude each other',
  ],
  [
    'secret and file',
    { ...app, clientSecretFile: '/s' },
    'account.clientSecretFile: clientSecret and clientSecretFile exclude',
  ],
  ['ids beside a token source', { token: async () => 0, tenantId: 't' }, 'account.tenantId: does not go with token'],
  ['a token instead of its source', { token: CANARY }, 'account.token: expected a function that returns tokens'],
  [
    'a certificate in two ways',
    { ...app, clientSecret: undefined, certificate: { path: 'a', pem: 'b' } },
    'account.certificate: expected exactly one of path, pem, pfx',
  ],
  [
    'a certificate of other words',
    { ...app, clientSecret: undefined, certificate: { file: 'a' } },
    'account.certificate.file: there is no such setting; there are path',
  ],
  [
    'an application for a personal mailbox',
    { ...app, provider: 'outlook' },
    'account.provider: personal mailboxes know no applications',
  ],
  [
    'an authority with a path',
    { ...app, authority: 'https://login.example/t' },
    'account.authority: expected an origin',
  ],
  [
    'an endpoint in clear',
    { ...app, tenantId: undefined, tokenEndpoint: 'http://login.example/t' },
    'account.tokenEndpoint: expected an https URL',
  ],
  [
    'a host without tenant',
    { host: 'mail.example.org', clientId: 'c', refreshToken: 'r' },
    'account.tokenEndpoint: is missing',
  ],
  ['an unknown setting', { ...app, colour: CANARY }, 'account.colour: there is no such setting'],
  [
    'a misspelt setting',
    { ...app, client_secret: CANARY, clientSecret: undefined },
    'account.client_secret: there is no such setting; perhaps clientSecret',
  ],
  ['username', { ...app, username: CANARY }, 'account.username: there is no such setting; perhaps user'],
  ['a secret as port', { ...app, port: CANARY }, 'account.port: expected a number'],
  ['a number as host', { ...app, host: 5 }, 'account.host: expected text'],
  ['a service that is none', { ...app, provider: {} }, 'account.provider: expected the name of a service'],
  ['a secret as user', { ...app, user: CANARY }, 'account.user: '],
  ['TLS off', { ...app, tls: 'none' }, "account.tls: 'none' is for loopback addresses"],
  ['a step that has no limit', { ...app, timeouts: { dns: 1 } }, 'account.timeouts.dns: there is no such phase'],
  [
    'a limit that is none',
    { ...app, limits: { connections: 0 } },
    'account.limits.connections: expected a whole number above 0',
  ],
  [
    'unverified TLS',
    { ...app, tls: { rejectUnauthorized: false } },
    'account.tls.rejectUnauthorized: certificates are always verified',
  ],
  ['old TLS', { ...app, tls: { minVersion: 'TLSv1' } }, 'account.tls.minVersion: TLS 1.2 or later'],
  ['no TLS', { ...app, ignoreTLS: true }, 'account.ignoreTLS: there is no connection without TLS'],
  ['a service of nodemailer', { ...app, service: 'Outlook365' }, "account.service: say provider: 'microsoft365'"],
  [
    'rates of nodemailer',
    { ...app, rateLimit: 5 },
    'account.rateLimit: say how many messages a minute may go: limits.messagesPerMinute',
  ],
  [
    'an access token of nodemailer',
    { ...app, auth: { accessToken: CANARY } },
    'account.auth.accessToken: give a function that returns tokens',
  ],
  ['a user twice', { ...app, auth: { user: 'x@contoso.com' } }, 'account.auth.user: says the same as user'],
])('%s is refused by name', (_, account, message) => {
  expect(problemsOf(account)).toContain(message);
});

test.each<[string, object]>([
  ['password', { user: 'noreply@contoso.com', password: CANARY }],
  ['pass', { user: 'noreply@contoso.com', pass: CANARY }],
  ['auth.pass', { host: 'smtp.office365.com', auth: { user: 'noreply@contoso.com', pass: CANARY } }],
  ['a password beside everything else', { ...app, password: CANARY }],
])('a password for Microsoft (%s) is refused with one sentence about the end of Basic authentication', (_, account) => {
  expect(problemsOf(account)).toMatch(
    /^account\.(?:password|pass): Microsoft ends password logins \(Basic authentication\) for SMTP: .* Give tenantId, clientId and clientSecret/,
  );
});

test('a password for another server is refused, too', () => {
  expect(problemsOf({ host: 'mail.example.org', user: 'a@example.org', password: CANARY })).toBe(
    'account.password: Mailgrant logs in with OAuth 2.0 tokens, never with a password. Give a token source as `token`',
  );
});

test.each(['constructor', 'toString', '__proto__'])('%s is no setting, in JSON from anywhere', (name) => {
  const account: unknown = JSON.parse(`{ "user": "a@b.c", "token": "x", "${name}": {}, "auth": { "${name}": {} } }`);
  const result = mailOptionsSchema['~standard'].validate({ account });
  const message = 'there is no such setting';
  expect(result.issues?.map((issue) => issue.message)).toEqual(
    expect.arrayContaining([`account.${name}: ${message}`, `account.auth.${name}: ${message}`]),
  );
});

test('all problems are told at once, those of several accounts by their place', () => {
  const accounts = [app, { ...app, port: 0, colour: 'red' }] as MailAccount[];
  const options = { accounts, strategy: 'random', deadline: -1, user: CANARY } as object;
  const result = mailOptionsSchema['~standard'].validate(options);
  expect(result.issues).toEqual([
    { path: ['user'], message: 'user: belongs into account: { user: … }' },
    { path: ['accounts', 1, 'colour'], message: 'accounts[1].colour: there is no such setting' },
    { path: ['accounts', 1, 'port'], message: 'accounts[1].port: expected a port number' },
    { path: ['strategy'], message: "strategy: expected 'failover' or 'round-robin'" },
    { path: ['deadline'], message: 'deadline: expected milliseconds above 0' },
  ]);
  expect(() => createMailClient(options)).toThrow(/^5 settings cannot work:\n- user: belongs into account/);
});

test('the schema hands on what is right', () => {
  const options = { account: app, alwaysTo: 'dev@contoso.com' };
  expect(mailOptionsSchema['~standard'].validate(options)).toEqual({ value: options });
  expect(mailOptionsSchema['~standard']).toMatchObject({ version: 1, vendor: 'mailgrant' });
});

test.each<[string, unknown, string]>([
  ['nothing', undefined, 'the options of a mail client are an object'],
  ['no account', {}, 'account: is missing: give an account, several accounts, or a mailer'],
  ['two of them', { account: app, accounts: [app] }, 'account and accounts: exclude each other'],
  ['an empty list', { accounts: [] }, 'accounts: expected a list of accounts'],
  ['a mailer that is none', { mailer: {} }, 'mailer: expected a mailer'],
  ['a strategy for one', { account: app, strategy: 'failover' }, 'strategy: goes with accounts'],
  [
    'an allow-list that is none',
    { account: app, allowRecipients: ['*'] },
    "allowRecipients[0]: expected an address, '*@contoso.com'",
  ],
  ['a hook that does not exist', { account: app, hooks: { afterSend() {} } }, 'hooks.afterSend: there is no such hook'],
  ['a login in the defaults', { account: app, defaults: { auth: {} } }, 'defaults: a mail cannot bring its own login'],
  ['a switch that is none', { account: app, allowFiles: 'yes' }, 'allowFiles: expected true or false'],
])('options with %s are refused by name', (_, options, message) => {
  expect(() => createMailClient(options as never)).toThrow(message);
});

test('settings make a mailer of core and a transport for nodemailer, too', async () => {
  await using sandbox = await createSandbox();
  const heard: string[] = [];
  await using mailer = createAccountMailer(accountOf(sandbox), ({ type }) => heard.push(type));
  await mailer.verify();
  expect(heard).toEqual(['renewed']);
  const transport = mailTransport(accountOf(sandbox));
  const transporter = nodemailer.createTransport(transport);
  const mail = { ...mailTo('ada@example.org'), from: sandbox.mailbox };
  expect((await transporter.sendMail(mail)).accepted).toEqual(['ada@example.org']);
  await transport.close();
  await expect(transporter.sendMail(mail)).rejects.toMatchObject({ code: 'ERR_MAILER_CLOSED' });
  expect(() => mailTransport({ user: 'a@contoso.com', password: 'x' } as MailAccount)).toThrow(
    /^password: Microsoft ends/,
  );
});

test('whatever stands in a setting works or is told as a problem: no other error, no value of it', () => {
  const values = [
    null,
    0,
    -1,
    NaN,
    CANARY,
    true,
    [],
    {},
    [CANARY],
    { [CANARY]: CANARY },
    () => CANARY,
    Symbol(CANARY),
    10n,
    /x/,
    Object.create(null),
  ];
  const names = [
    'provider',
    'host',
    'port',
    'tls',
    'ca',
    'user',
    'name',
    'timeouts',
    'idleTimeout',
    'limits',
    'retries',
    'queue',
  ];
  const ways = [
    'token',
    'tenantId',
    'clientId',
    'clientSecret',
    'clientSecretFile',
    'certificate',
    'managedIdentity',
    'refreshToken',
  ];
  const others = [
    'authority',
    'tokenEndpoint',
    'scope',
    'fetch',
    'label',
    'auth',
    'secure',
    'pool',
    'maxConnections',
    'password',
  ];
  const validate = (options: object): void => {
    const { issues } = mailOptionsSchema['~standard'].validate(options);
    if (issues === undefined) createMailClient(options);
    expect(issues?.map(({ message }) => message).join('\n') ?? '').not.toContain(`: ${CANARY}`);
  };
  for (const value of values) {
    for (const name of [...names, ...ways, ...others]) {
      validate({ account: { ...app, [name]: value } });
      validate({ account: { [name]: value } });
    }
    for (const name of [
      'account',
      'accounts',
      'mailer',
      'defaults',
      'alwaysTo',
      'allowRecipients',
      'deadline',
      'hooks',
      'name',
    ]) {
      validate({ account: app, [name]: value });
    }
  }
});
