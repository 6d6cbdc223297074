// Every row that belongs to neither catalogue: codes without a row of their own, OAuth errors without a number, the network,
// and what the core finds by itself. Each is brought about, and what a send throws is explained by that row.
import { Readable } from 'node:stream';
import { createSandbox, type EntraFault, type FaultPoint, type Sandbox, type SandboxOptions } from '@mailgrant/sandbox';
import { afterAll, describe, expect, test } from 'vitest';
import { clientCredentials, TokenError } from '../src/index.ts';
import type { FALLBACK } from '../src/diagnosis/catalogue/fallback.ts';
import type { HVE_BILLING } from '../src/diagnosis/catalogue/hve.ts';
import type { NETWORK } from '../src/diagnosis/catalogue/network.ts';
import type { OAUTH } from '../src/diagnosis/catalogue/oauth.ts';
import type { OWN_ERRORS } from '../src/diagnosis/catalogue/own-errors.ts';
import { explain, OTHER_ENTRIES } from '../src/diagnosis/index.ts';
import {
  type Attempt,
  expectRow,
  explained,
  failure,
  failureOf,
  inState,
  mailerTo,
  report,
  type Way,
} from './catalogue-meet.ts';
import { createAuthority } from './certificates.ts';
import { ScriptedServer } from './scripted-server.ts';

type Id =
  | (typeof FALLBACK | typeof NETWORK | typeof OAUTH | typeof OWN_ERRORS)[number]['id']
  | (typeof HVE_BILLING)['id'];

/** The server says something no row knows. */
const says = (point: FaultPoint, reply: string) => ({
  state: async () => {
    await using sandbox = await createSandbox();
    sandbox.exchange.reply(point, reply, { times: Infinity });
    return await failure(sandbox);
  },
});

/** A token endpoint answers so. */
const answers = (fault: EntraFault, source: { readonly timeout?: number } = {}) => ({
  state: async () => {
    await using sandbox = await createSandbox();
    sandbox.entra.next(fault);
    const { tokenEndpoint, clientId, clientSecret, scope } = sandbox;
    return await failure(sandbox, {
      mailer: { token: clientCredentials({ tokenEndpoint, clientId, clientSecret, scope, ...source }) },
    });
  },
});

const oauthError = (error: string, status = 400) => answers({ status, body: { error } });

const state = (options: SandboxOptions, attempt: Attempt = {}): Way => ({ state: inState(options, attempt) });

/** EHLO without a line. */
const without = (name: string): SandboxOptions => ({
  smtp: { extensions: (offered) => offered.filter((line) => !line.startsWith(name)) },
});

/** The connection is treated so. */
const treated = (treat: (sandbox: Sandbox) => void, attempt: Attempt = {}) => ({
  state: async () => {
    await using sandbox = await createSandbox();
    treat(sandbox);
    return await failure(sandbox, attempt);
  },
});

/** A server shows such a certificate; the sandbox's are good ones. */
const shows = (certificate: Parameters<ReturnType<typeof createAuthority>['issue']>[0]) => ({
  state: async () => {
    const authority = createAuthority();
    await using server = await ScriptedServer.start({ certificate: authority.issue(certificate) });
    server.script({});
    return await inState({}, { mailer: { host: '127.0.0.1', port: server.port, ca: authority.ca } })();
  },
});

const token = (error: () => Promise<never>): Attempt => ({ mailer: { token: error } });

/** A port where nobody listens any more. */
async function closedPort(): Promise<number> {
  const gone = await createSandbox();
  await gone.close();
  return gone.smtp.port;
}

async function* broken(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('Subject: Hello\r\n\r\n');
  throw new Error('the file is gone');
}

const ABOVE = 'the packages above the core say it before the core is asked: see the tests of packages/mail';
const MAILBOX = 'noreply@contoso.com';
const LINUX = process.platform === 'linux';
const ONLY_LINUX = 'the system says at once that an address cannot be reached on Linux only';

const WAYS: Readonly<Record<Id, Way>> = {
  'smtp-service-closing': says('MAIL', '421 4.9.9 Something new'),
  'smtp-temporary': says('MESSAGE', '451 4.9.9 Something new'),
  'smtp-login-refused': says('AUTH', '535 5.9.9 Something new'),
  'smtp-login-impossible': says('AUTH', '550 5.9.9 Something new'),
  'smtp-service-refused': says('GREETING', '554 5.9.9 Something new'),
  'smtp-sender-refused': says('MAIL', '550 5.9.9 Something new'),
  'smtp-recipient-refused': says('RCPT', '550 5.9.9 Something new'),
  'smtp-message-refused': says('MESSAGE', '554 5.9.9 Something new'),
  'smtp-unexpected-reply': { never: 'a reply that agrees is no error, and nothing is thrown' },

  'oauth-throttled': answers({ status: 429, retryAfter: 5, body: {} }),
  'oauth-unavailable': answers({ status: 502, body: 'Bad gateway' }),
  'oauth-unreachable': treated(() => undefined, {
    // Node's fetch refuses this port before it tries.
    mailer: {
      token: clientCredentials({
        tokenEndpoint: 'http://127.0.0.1:6000/',
        clientId: 'a',
        clientSecret: 'b',
        scope: 'c',
      }),
    },
  }),
  'oauth-timeout': answers({ hang: true }, { timeout: 20 }),
  'oauth-malformed': answers({ body: '<html>Sign in</html>' }),
  'oauth-source-failed': treated(
    () => undefined,
    token(() => Promise.reject(new Error('no vault'))),
  ),
  'oauth-not-connected': treated(
    () => undefined,
    token(() => Promise.reject(new TokenError('ERR_OAUTH_NOT_CONNECTED', 'nobody signed in'))),
  ),
  'oauth-wrong-account': {
    never: 'whoever signs in meets it, before anything is sent: packages/entra/test/traps.test.ts',
  },
  'oauth-callback': {
    never: 'whoever signs in meets it, before anything is sent: packages/entra/test/grants-people.test.ts',
  },
  'oauth-wrong-token': {
    // verify() reads the token before it asks a server; a send asks the server.
    state: async () => {
      await using sandbox = await createSandbox();
      const value = await sandbox.entra.issue({ audience: 'https://graph.microsoft.com' });
      await using mailer = mailerTo(sandbox, {
        mailer: { token: () => Promise.resolve({ value, expiresAt: Date.now() + 3_600_000 }) },
      });
      return await mailer.verify().catch((error: unknown) => error);
    },
  },
  'oauth-invalid-client': oauthError('invalid_client', 401),
  'oauth-unauthorized-client': oauthError('unauthorized_client'),
  'oauth-invalid-grant': oauthError('invalid_grant'),
  'oauth-interaction-required': oauthError('interaction_required'),
  'oauth-consent-required': oauthError('consent_required'),
  'oauth-access-denied': oauthError('access_denied'),
  'oauth-invalid-scope': oauthError('invalid_scope'),
  'oauth-invalid-resource': oauthError('invalid_resource'),
  'oauth-invalid-request': oauthError('invalid_request'),
  'oauth-unsupported-grant': oauthError('unsupported_grant_type'),
  'oauth-authorization-pending': oauthError('authorization_pending'),
  'oauth-device-code-expired': oauthError('expired_token'),
  'oauth-refused': oauthError('something_new'),

  'network-name-unknown': treated(() => undefined, { mailer: { host: 'mail.invalid' } }),
  'network-refused': {
    state: async () => {
      const port = await closedPort();
      return inState({}, { mailer: { port } })();
    },
  },
  'network-unreachable': LINUX ? state({}, { mailer: { host: '127.255.255.255' } }) : { never: ONLY_LINUX },
  'network-reset': treated((sandbox) => sandbox.exchange.next('EHLO', { close: 'reset' })),
  'tls-certificate-expired': shows({ from: -2, until: -1 }),
  'tls-issuer-unknown': state({}, { mailer: { ca: undefined } }),
  'tls-name-mismatch': state({ smtp: { certificateNames: ['smtp.office365.com'] } }),
  'tls-handshake': state({}, { mailer: { tls: 'implicit' } }),

  'input-address': state({}, { to: ['somebody'] }),
  'input-message': state({}, { mail: { message: 42 as unknown as string } }),
  'input-option': {
    state: async () => {
      await using sandbox = await createSandbox();
      try {
        mailerTo(sandbox, { mailer: { port: -1 } });
      } catch (error) {
        return error;
      }
      return undefined;
    },
  },
  'input-token': state({}, { mailer: { token: async () => ({ value: '', expiresAt: Date.now() + 1 }) } }),
  'starttls-not-offered': state(without('STARTTLS')),
  'auth-not-offered': state(without('AUTH')),
  'capability-missing': state(without('8BITMIME'), { mail: { message: 'Subject: Grüße\r\n\r\nGrüße\r\n' } }),
  'requiretls-not-offered': treated(() => undefined, {
    mail: { envelope: { from: MAILBOX, to: [MAILBOX], requireTls: true } },
  }),
  'size-exceeded': state({ smtp: { maxSize: 10 } }),
  'too-many-recipients': state(
    {},
    {
      to: ['a@example.com', 'b@example.com'],
      mailer: { limits: { recipientsPerMessage: 1 } },
      mail: { message: Readable.from(['Subject: Hello\r\n\r\nHello\r\n']) },
    },
  ),
  'daily-limit': state({}, { to: ['a@example.com', 'b@example.com'], mailer: { limits: { recipientsPerDay: 1 } } }),
  'queue-full': {
    state: async () => {
      await using sandbox = await createSandbox();
      await using mailer = mailerTo(sandbox, { mailer: { queue: { messages: 1 } } });
      const taken = failureOf(mailer, sandbox).catch(() => undefined);
      const full = await failureOf(mailer, sandbox);
      await taken;
      return full;
    },
  },
  'mailbox-suspended': { never: 'the failure that suspended the mailbox is its cause, and is what is explained' },
  'protocol-broken': says('EHLO', '25x what'),
  'connect-failed': { never: 'the system has a word for every failure but those of a machine out of sockets' },
  'tls-failed': shows({ purpose: 'client' }),
  'held-back': state({}, { send: { beforeCommit: () => Promise.reject(new Error('no note')) } }),
  'connection-closed': treated((sandbox) => sandbox.exchange.next('MAIL', { close: 'end' })),
  'timed-out': treated((sandbox) => sandbox.exchange.next('MAIL', { hang: true }), {
    mailer: { timeouts: { command: 20 } },
  }),
  'stopped-by-caller': state({}, { send: { signal: AbortSignal.abort(new Error('enough')) } }),
  'body-failed': state({}, { mail: { message: broken() } }),
  'client-unknown': { never: ABOVE },
  'rule-of-application': { never: ABOVE },
  unknown: { never: 'it is what explain() says of errors that are not about mail' },

  'hve-billing': { never: 'Get-HVEAccountBillingPolicy tells it: explainHveBilling()' },
};

const wayTo = (id: string): Way => (WAYS as Readonly<Record<string, Way>>)[id] ?? { never: 'nobody has said how' };
const rows = OTHER_ENTRIES.map((entry) => [entry.id, entry, wayTo(entry.id)] as const);
afterAll(() => report('Rows of neither catalogue', WAYS, 'each in what a send throws'));

test('every row has a way to meet it, and every way a row', () => {
  expect(Object.keys(WAYS).toSorted()).toEqual(OTHER_ENTRIES.map(({ id }) => id).toSorted());
});

describe('brought about', () => {
  const states = rows.flatMap(([id, entry, way]) => ('state' in way ? [[id, entry, way.state] as const] : []));
  test.for(states)('%s', async ([, entry, bringAbout]) => {
    expectRow(explained(await bringAbout()), entry);
  });
});

test('an error that is not about mail says so', () => {
  expect(explain(new RangeError('x'))).toMatchObject({ id: 'unknown' });
});

test('a mailbox that is suspended is explained by what suspended it', async () => {
  await using sandbox = await createSandbox({ tenants: [{ smtpAuth: false }] });
  await using mailer = mailerTo(sandbox);
  await failureOf(mailer, sandbox);
  const error = await failureOf(mailer, sandbox);
  expect(error).toMatchObject({ code: 'ERR_MAILER_SUSPENDED' });
  expect(explained(error)).toMatchObject({ id: 'smtp-auth-disabled-tenant', facts: { heldBack: expect.any(Number) } });
});
