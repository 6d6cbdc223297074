// Settings from the environment: what each variable sets, every problem at once by its variable, no value repeated.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createMailClient, mailEnvSchema, mailOptionsFromEnv } from '../src/index.ts';

const AUTHORITY = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
const CANARY = 'canary~Zm9v-secret.value';

const ENV = {
  MAIL_USER: 'noreply@contoso.com',
  MAIL_TENANT_ID: 'contoso.com',
  MAIL_CLIENT_ID: '11111111-2222-4333-8444-555555555555',
  MAIL_CLIENT_SECRET: CANARY,
};
const account = {
  user: 'noreply@contoso.com',
  tenantId: 'contoso.com',
  clientId: '11111111-2222-4333-8444-555555555555',
};

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'mailgrant-env-'));
  writeFileSync(join(dir, 'ca.pem'), AUTHORITY);
});
afterAll(() => rmSync(dir, { recursive: true }));

const problemsOf = (env: Record<string, string | undefined>, prefix?: string): string[] => {
  try {
    mailOptionsFromEnv(env, { prefix });
    return [];
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_INPUT_OPTION' });
    expect(inspect(error)).not.toContain(CANARY);
    return (error as Error).message.split('\n- ').filter((line) => !line.endsWith('settings cannot work:'));
  }
};

test('four variables make an account; empty ones count as not set, those of others as not there', () => {
  const options = mailOptionsFromEnv({ ...ENV, MAIL_HOST: '', MAIL_SCOPE: ' ', MAILER: 'x', MAIL_TEMPLATES: '/t' });
  expect(options).toEqual({ account: { ...account, clientSecret: CANARY } });
  createMailClient(options);
});

test('every variable goes where it belongs', () => {
  const { MAIL_CLIENT_SECRET: _, ...rest } = ENV;
  const options = mailOptionsFromEnv({
    ...rest,
    MAIL_CERTIFICATE_PATH: '/run/secrets/app.pem',
    MAIL_CERTIFICATE_KEY_PATH: '/run/secrets/app.key',
    MAIL_CERTIFICATE_PASSPHRASE: CANARY,
    MAIL_AUTHORITY: 'https://login.microsoftonline.us',
    MAIL_SCOPE: 'https://outlook.office365.us/.default',
    MAIL_PROVIDER: 'microsoft365-us',
    MAIL_HOST: 'smtp.office365.us',
    MAIL_PORT: '2587',
    MAIL_TLS: 'starttls',
    MAIL_CA_FILE: join(dir, 'ca.pem'),
    MAIL_FROM: 'Contoso <noreply@contoso.com>',
    MAIL_REPLY_TO: 'help@contoso.com',
    MAIL_ALWAYS_TO: 'dev@contoso.com, ops@contoso.com',
    MAIL_ALLOW_RECIPIENTS: '*@contoso.com;ada@example.org',
    MAIL_DEADLINE: '60000',
  });
  expect(options).toEqual({
    account: {
      ...account,
      certificate: { path: '/run/secrets/app.pem', keyPath: '/run/secrets/app.key', passphrase: CANARY },
      authority: 'https://login.microsoftonline.us',
      scope: 'https://outlook.office365.us/.default',
      provider: 'microsoft365-us',
      host: 'smtp.office365.us',
      port: 2587,
      tls: 'starttls',
      ca: AUTHORITY,
    },
    defaults: { from: 'Contoso <noreply@contoso.com>', replyTo: 'help@contoso.com' },
    alwaysTo: ['dev@contoso.com', 'ops@contoso.com'],
    allowRecipients: ['*@contoso.com', 'ada@example.org'],
    deadline: 60_000,
  });
});

test.each([
  ['a secret file', { MAIL_CLIENT_SECRET_FILE: '/run/secrets/mail' }, { clientSecretFile: '/run/secrets/mail' }],
  ['federation', { MAIL_FEDERATED_TOKEN_FILE: '/run/token' }, { federatedTokenFile: '/run/token' }],
  ['a refresh token', { MAIL_REFRESH_TOKEN: CANARY }, { refreshToken: CANARY }],
])('%s is a way to a token', (_, more, expected) => {
  const { MAIL_CLIENT_SECRET: _secret, ...rest } = ENV;
  expect(mailOptionsFromEnv({ ...rest, ...more }).account).toEqual({ ...account, ...expected });
});

test('a managed identity is the machine’s or one by its client id', () => {
  expect(mailOptionsFromEnv({ MAIL_MANAGED_IDENTITY: 'true' }).account).toEqual({ managedIdentity: true });
  const clientId = '11111111-2222-4333-8444-555555555555';
  expect(mailOptionsFromEnv({ MAIL_MANAGED_IDENTITY: clientId }).account).toEqual({ managedIdentity: { clientId } });
});

test('all problems are told at once, by variable', () => {
  expect(
    problemsOf({
      MAIL_USER: CANARY,
      MAIL_TENANT_ID: 'contoso.com',
      MAIL_CLIENT_SECRET: CANARY,
      MAIL_PORT: CANARY,
      MAIL_CA_FILE: join(dir, CANARY),
      MAIL_CLINT_ID: CANARY,
      MAIL_USERNAME: CANARY,
      MAIL_ALWAYS_TO: CANARY,
    }),
  ).toEqual([
    'MAIL_PORT: expected a whole number',
    'MAIL_CA_FILE: the file cannot be read (ENOENT)',
    'MAIL_CLINT_ID: there is no such variable; perhaps MAIL_CLIENT_ID',
    'MAIL_USERNAME: there is no such variable; perhaps MAIL_USER',
    'MAIL_CLIENT_ID: is missing: the application (client) id of the app registration',
    expect.stringMatching(/^MAIL_USER: /),
    'MAIL_ALWAYS_TO: expected one or more addresses',
  ]);
});

test('what Kubernetes sets for a Service called mail is told as such', () => {
  const services = { MAIL_PORT: 'tcp://10.0.0.1:25', MAIL_SERVICE_HOST: '10.0.0.1', MAIL_PORT_25_TCP_ADDR: '10.0.0.1' };
  expect(() => mailOptionsFromEnv({ ...ENV, ...services })).toThrow(
    /^MAIL_PORT: expected a whole number; Kubernetes sets this for a Service of that name: say enableServiceLinks: false/,
  );
});

test('nothing set is one problem that says what to set', () => {
  expect(problemsOf({})).toEqual([
    'MAIL_CLIENT_SECRET: a way to a token is missing: give MAIL_TENANT_ID, MAIL_CLIENT_ID and MAIL_CLIENT_SECRET ' +
      '(or MAIL_CERTIFICATE_PATH)',
  ]);
});

test('the prefix can be chosen, and is in every message', () => {
  const renamed = Object.fromEntries(
    Object.entries(ENV).map(([name, value]) => [name.replace('MAIL_', 'REPORTS_'), value]),
  );
  expect(mailOptionsFromEnv(renamed, { prefix: 'REPORTS_' })).toEqual({
    account: { ...account, clientSecret: CANARY },
  });
  expect(problemsOf({ ...renamed, REPORTS_CLIENT_ID: '' }, 'REPORTS_')).toEqual([
    'REPORTS_CLIENT_ID: is missing: the application (client) id of the app registration',
  ]);
});

test('a password is answered with the end of Basic authentication, whatever it is called', () => {
  for (const name of ['MAIL_PASSWORD', 'MAIL_PASS']) {
    const [problem, ...others] = problemsOf({
      MAIL_HOST: 'smtp.office365.com',
      MAIL_USER: 'a@contoso.com',
      [name]: CANARY,
    });
    expect(problem).toMatch(
      /^MAIL_PASS(?:WORD)?: Microsoft ends password logins .* Give MAIL_TENANT_ID, MAIL_CLIENT_ID and MAIL_CLIENT_SECRET/,
    );
    expect(others).toEqual([]);
  }
});

describe('MAIL_URL', () => {
  const url = `microsoft365://c:${encodeURIComponent('a~b/c@d')}@contoso.com?user=noreply%40contoso.com`;

  test('is a whole account', () => {
    expect(mailOptionsFromEnv({ MAIL_URL: url, MAIL_FROM: 'x@contoso.com' })).toEqual({
      account: {
        provider: 'microsoft365',
        clientId: 'c',
        clientSecret: 'a~b/c@d',
        tenantId: 'contoso.com',
        user: 'noreply@contoso.com',
      },
      defaults: { from: 'x@contoso.com' },
    });
  });

  test.each([
    [
      'without a secret',
      `microsoft365://${CANARY}@contoso.com`,
      'MAIL_URL: expected PROVIDER://CLIENT_ID:SECRET@TENANT?user=ADDRESS',
    ],
    ['of another service', `smtp://c:${CANARY}@contoso.com`, 'MAIL_URL: the scheme has to be one of microsoft365, hve'],
    [
      'with a strange parameter',
      `microsoft365://c:${CANARY}@contoso.com?${CANARY}=1`,
      'MAIL_URL: there is no parameter of this name',
    ],
    ['badly encoded', `microsoft365://c:%zz@contoso.com`, 'MAIL_URL: expected PROVIDER://'],
  ])('%s is refused without repeating it', (_, value, message) => {
    expect(problemsOf({ MAIL_URL: value })[0]).toContain(message);
  });

  test('and a variable cannot say the same', () => {
    expect(problemsOf({ MAIL_URL: url, MAIL_USER: 'b@contoso.com' })).toEqual(['MAIL_USER: says the same as MAIL_URL']);
  });
});

test('the schema checks an environment for configuration modules, and hands it on as it is', () => {
  const schema = mailEnvSchema();
  const env = { ...ENV, PATH: '/bin' };
  expect(schema['~standard'].validate(env)).toEqual({ value: env });
  expect(schema['~standard'].validate({ ...env, MAIL_PORT: 'x' }).issues).toEqual([
    { path: ['MAIL_PORT'], message: 'MAIL_PORT: expected a whole number' },
  ]);
  expect(schema['~standard'].validate(7).issues).toHaveLength(1);
});
