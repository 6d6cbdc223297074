// Every row of the catalogue of replies: the sandbox provokes it, the core sends, and what it throws is explained by that row.
import { createSandbox, type Sandbox, type SandboxOptions } from '@mailgrant/sandbox';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { PROVIDERS } from '../src/index.ts';
import type { GMAIL } from '../src/diagnosis/catalogue/gmail.ts';
import type { HVE } from '../src/diagnosis/catalogue/hve.ts';
import type { AUTHENTICATION } from '../src/diagnosis/catalogue/authentication.ts';
import type { LIMITS } from '../src/diagnosis/catalogue/limits.ts';
import type { MESSAGES } from '../src/diagnosis/catalogue/messages.ts';
import type { RECIPIENTS } from '../src/diagnosis/catalogue/recipients.ts';
import type { SENDER } from '../src/diagnosis/catalogue/sender.ts';
import type { SERVICE } from '../src/diagnosis/catalogue/service.ts';
import { explain, REPLY_CATALOGUE } from '../src/diagnosis/index.ts';
import {
  type Attempt,
  expectRow,
  explained,
  failure,
  failureOf,
  inState,
  mailerTo,
  report,
  STAGES,
  type Way,
} from './catalogue-meet.ts';

type Id = (
  | typeof GMAIL
  | typeof HVE
  | typeof AUTHENTICATION
  | typeof LIMITS
  | typeof MESSAGES
  | typeof RECIPIENTS
  | typeof SENDER
  | typeof SERVICE
)[number]['id'];

const OTHERS = ['noreply@contoso.com', 'info@contoso.com', 'sales@contoso.com', 'press@contoso.com'];
const HVE_ACCOUNT = 'bulk@contoso.com';

/** A mailbox with errors of one kind behind it, from programs that knew nothing of one another. */
const afterErrors = (options: SandboxOptions, attempts: readonly Attempt[]) => async (): Promise<unknown> => {
  const limits = { repeatedErrors: 2, ...options.smtp?.limits };
  await using sandbox = await createSandbox({ ...options, smtp: { ...options.smtp, limits } });
  for (const attempt of attempts.slice(0, -1)) await failure(sandbox, attempt).catch(() => 'taken, for some');
  return await failure(sandbox, attempts.at(-1));
};

const hve = (options: { app?: object; account?: object; more?: SandboxOptions } = {}, attempt: Attempt = {}) => {
  const account = { address: HVE_ACCOUNT, ...options.account };
  const app = { clientId: 'b1d6a5f0-3c1e-4d26-9a77-2f1f54a0c001', ...options.app };
  return inState({ tenants: [{ hve: [account], apps: [app] }], ...options.more }, { hve: true, ...attempt });
};

/** A token of the sandbox's own making, a new one each time it is asked for. */
const withToken =
  (made: Parameters<Sandbox['entra']['issue']>[0], options: SandboxOptions, attempt: Attempt = {}) =>
  async (): Promise<unknown> => {
    await using sandbox = await createSandbox(options);
    const token = async () => ({ value: await sandbox.entra.issue(made), expiresAt: Date.now() + 3_600_000 });
    return await failure(sandbox, { ...attempt, mailer: { ...attempt.mailer, token } });
  };

const WAYS: Readonly<Record<Id, Way>> = {
  'gmail-password-used': { said: 'AUTH' },
  'gmail-daily-limit': { said: 'MESSAGE' },
  'gmail-try-later': { said: 'EHLO' },
  'gmail-too-many-recipients': { said: 'RCPT' },

  'hve-xoauth2-malformed': { said: 'AUTH' },
  'hve-token-expires-soon': { said: 'AUTH', state: hve({ more: { hve: { tokenMargin: 7_200_000 } } }) },
  'hve-token-expired': {
    said: 'AUTH',
    state: withToken(
      { audience: 'https://outlook.office.com', lifetime: -60_000 },
      { tenants: [{ hve: [HVE_ACCOUNT] }] },
      { hve: true },
    ),
  },
  'hve-permission-missing': { said: 'AUTH', state: hve({ app: { roles: ['SMTP.SendAsApp'] } }) },
  'hve-app-not-allowed': {
    said: 'AUTH',
    state: async () => {
      const apps = [{}, { clientId: 'b1d6a5f0-3c1e-4d26-9a77-2f1f54a0c002' }];
      const account = { address: HVE_ACCOUNT, allowedApps: ['b1d6a5f0-3c1e-4d26-9a77-2f1f54a0c002'] };
      return inState({ tenants: [{ apps, hve: [account] }] }, { hve: true })();
    },
  },
  'hve-not-an-hve-account': { said: 'AUTH', state: hve({}, { mailer: { user: 'noreply@contoso.com' } }) },
  'hve-envelope-sender': { said: 'MAIL', state: hve({}, { from: 'noreply@contoso.com' }) },
  'hve-header-from': { said: 'MESSAGE', state: hve({}, { headerFrom: 'noreply@contoso.com' }) },

  'smtp-auth-disabled-tenant': { said: 'AUTH', state: inState({ tenants: [{ smtpAuth: false }] }) },
  'smtp-auth-disabled-mailbox': {
    said: 'AUTH',
    state: inState({ tenants: [{ mailboxes: [{ address: 'noreply@contoso.com', smtpAuth: false }] }] }),
  },
  'smtp-basic-auth-disabled': { said: 'AUTH' },
  'smtp-password-wrong': { said: 'AUTH' },
  'smtp-security-defaults': { said: 'AUTH' },
  'smtp-conditional-access': { said: 'AUTH' },
  'smtp-organization-forbids-password': { said: 'AUTH' },
  'smtp-federation-unreachable': { said: 'AUTH' },
  'smtp-federation-not-https': { said: 'AUTH' },
  'smtp-auth-policy': { said: 'AUTH' },
  'smtp-token-refused': {
    said: 'AUTH',
    state: inState({ tenants: [{ apps: [{ servicePrincipal: false }] }] }),
  },
  'smtp-basic-auth-retired': { said: 'AUTH' },
  'smtp-mailbox-unusable': {
    said: 'AUTH',
    state: inState({ tenants: [{ mailboxes: [{ address: 'noreply@contoso.com', locked: true }] }] }),
  },
  'smtp-mechanism-unknown': {
    said: 'AUTH',
    state: inState(
      {
        smtp: { extensions: (offered) => offered.map((line) => (line.startsWith('AUTH') ? 'AUTH OAUTHBEARER' : line)) },
      },
      { mailer: { provider: { ...PROVIDERS.microsoft365, mechanisms: ['OAUTHBEARER'] } } },
    ),
  },
  'smtp-mail-before-auth': { said: 'MAIL' },
  'smtp-starttls-required': { said: 'MAIL' },
  'smtp-authentication-required': { said: 'MAIL' },
  'smtp-tls-unavailable': { said: 'STARTTLS' },
  'smtp-authentication-temporary': { said: 'AUTH' },
  'smtp-credentials-refused': { said: 'AUTH' },

  'smtp-mailbox-logon-failed': { said: 'MESSAGE', state: inState({ tenants: [{ apps: [{ fullAccess: false }] }] }) },
  'smtp-send-as-denied': {
    said: 'MESSAGE',
    state: inState({ tenants: [{ mailboxes: OTHERS }] }, { from: 'info@contoso.com' }),
  },
  'smtp-send-as-denied-older': { said: 'MESSAGE' },
  'smtp-send-as-not-permitted': { said: 'MESSAGE' },
  'smtp-sender-not-owned': { said: 'RCPT' },
  'smtp-sender-throttled-mailbox-full': {
    said: 'MESSAGE',
    state: afterErrors({ tenants: [{ mailboxes: [{ address: 'noreply@contoso.com', quota: 1 }] }] }, [{}, {}, {}]),
  },
  'smtp-sender-throttled-send-as': {
    said: 'MESSAGE',
    state: afterErrors({ tenants: [{ mailboxes: OTHERS }] }, [
      { from: 'info@contoso.com' },
      { from: 'sales@contoso.com' },
      {},
    ]),
  },
  'smtp-sender-throttled-licence': {
    said: 'MESSAGE',
    state: afterErrors({ tenants: [{ mailboxes: [{ address: 'noreply@contoso.com', licensed: false }] }] }, [
      {},
      {},
      {},
    ]),
  },
  'smtp-sender-throttled-too-many-recipients': {
    said: 'MESSAGE',
    state: afterErrors({ tenants: [{ mailboxes: OTHERS }], smtp: { maxRecipients: 1 } }, [{ to: OTHERS }, {}]),
  },
  'smtp-sender-throttled-bad-recipients': {
    said: 'MESSAGE',
    state: afterErrors({ smtp: { unknownRecipients: 'refuse' } }, [
      { to: ['one@contoso.com', 'two@contoso.com'] },
      { to: ['noreply@contoso.com'] },
    ]),
  },
  'smtp-restricted-user': { said: 'MESSAGE' },
  'smtp-spam-blocked': { said: 'MESSAGE' },
  'smtp-outbound-spam': { said: 'MESSAGE' },
  'smtp-tenant-threshold': { said: 'MESSAGE' },
  'smtp-tenant-not-trusted': { said: 'MESSAGE' },
  'smtp-domain-not-registered': { said: 'MAIL' },
  'smtp-tenant-block-list': { said: 'MESSAGE' },
  'smtp-sent-items-full': {
    said: 'MESSAGE',
    state: inState({ tenants: [{ mailboxes: [{ address: 'noreply@contoso.com', quota: 1 }] }] }),
  },

  'smtp-recipient-busy': { said: 'MESSAGE' },
  'smtp-sender-busy': {
    said: 'MESSAGE',
    state: async () => {
      await using sandbox = await createSandbox({ smtp: { limits: { messagesPerMinute: 1, overRate: 'refuse' } } });
      await expect(failure(sandbox)).rejects.toThrow('taken');
      return await failure(sandbox);
    },
  },
  'smtp-too-many-connections': {
    said: 'AUTH',
    state: async () => {
      await using sandbox = await createSandbox({ smtp: { limits: { connections: 1 } } });
      await using other = mailerTo(sandbox);
      await other.verify(); // and keeps its connection for later
      return await failure(sandbox);
    },
  },
  'smtp-submission-rate': { said: 'MAIL' },
  'smtp-daily-recipients': {
    said: 'MESSAGE',
    state: inState({ smtp: { limits: { recipientsPerDay: 1 } } }, { to: ['a@example.com', 'b@example.com'] }),
  },
  'smtp-daily-recipients-older': { said: 'MESSAGE' },
  'smtp-tenant-external-limit': { said: 'MESSAGE' },
  'smtp-recipient-hourly-limit': { said: 'RCPT' },
  'smtp-too-many-recipients': { said: 'RCPT', state: inState({ smtp: { maxRecipients: 0 } }) },

  'smtp-recipient-unknown': {
    said: 'RCPT',
    state: inState({ smtp: { unknownRecipients: 'refuse' } }, { to: ['nobody@contoso.com'] }),
  },
  'smtp-recipient-restricted': {
    said: 'RCPT',
    state: inState(
      { smtp: { refuse: [{ match: 'staff@contoso.com', reply: '550 5.7.133 Sender not authenticated for group' }] } },
      { to: ['staff@contoso.com'] },
    ),
  },
  'smtp-routing-loop': { said: 'MESSAGE' },
  'smtp-delivery-expired': { never: 'Exchange has taken the message by then: this stands in a bounce, days later' },
  'smtp-recipient-mailbox-full': { said: 'RCPT' },
  'smtp-sender-domain-policy': { said: 'MESSAGE' },

  'smtp-header-too-big': { said: 'MESSAGE' },
  'smtp-message-too-big': {
    said: 'MESSAGE',
    state: inState({
      smtp: { maxSize: 10, extensions: (offered) => offered.filter((line) => !line.startsWith('SIZE')) },
    }),
  },
  'smtp-from-missing': { said: 'MESSAGE' },
  'smtp-bare-line-feed': { said: 'MESSAGE' },

  'smtp-service-not-active': { said: 'GREETING' },
  'smtp-idle-closed': { said: 'MAIL' },
  'smtp-session-too-long': { said: 'MAIL', state: inState({ smtp: { limits: { sessionTime: 0 } } }) },
  'smtp-old-tls': { said: 'EHLO' },
  'smtp-proxy-trouble': { said: 'AUTH' },
  'smtp-message-deferred': { said: 'MESSAGE' },
  'smtp-server-busy': { said: 'MAIL' },
  'smtp-address-evaluated': { said: 'MAIL' },
  'smtp-bad-ehlo-name': { said: 'EHLO' },
  'smtp-banned-address': { said: 'GREETING' },
  'smtp-wrong-endpoint': { said: 'RCPT' },
  'smtp-storage-failed': { said: 'MESSAGE' },
  'smtp-bad-command': { said: 'MAIL' },
};

/** A login has no message and no recipient that could be at fault: there it is for an administrator. */
const atLogin = (entry: (typeof REPLY_CATALOGUE)[number]) =>
  entry.class === 'message' || entry.class === 'recipient' ? { ...entry, class: 'admin' as const } : entry;
const LOGIN: ReadonlySet<string> = new Set(['GREETING', 'EHLO', 'STARTTLS', 'AUTH']);

const rows = REPLY_CATALOGUE.map((entry) => [entry.id, entry, WAYS[entry.id as Id]] as const);

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await createSandbox();
});
afterEach(() => sandbox.exchange.clear());
afterAll(async () => {
  await sandbox.close();
  const samples = rows.flatMap(([, { samples: all }, way]) => ('never' in way ? [] : all)).length;
  report('Catalogue of replies', WAYS, `${samples} texts said by a server`);
});

test('every row has a way to meet it, and every way a row', () => {
  expect(Object.keys(WAYS).toSorted()).toEqual(REPLY_CATALOGUE.map(({ id }) => id).toSorted());
});

describe('said by the server', () => {
  test.for(rows.filter(([, , way]) => !('never' in way)))('%s', async ([, entry, way]) => {
    const point = 'said' in way ? way.said : undefined;
    if (point === undefined) throw new Error('nothing is said');
    for (const sample of entry.samples) {
      sandbox.exchange.reply(point, sample, { times: Infinity });
      const explanation = explained(await failure(sandbox));
      sandbox.exchange.clear();
      expectRow(explanation, LOGIN.has(point) ? atLogin(entry) : entry);
      expect(explanation.facts.stage).toBe(STAGES[point]);
    }
  });
});

describe('brought about by the state of the server', () => {
  const states = rows.flatMap(([id, entry, way]) => ('state' in way ? [[id, entry, way.state] as const] : []));
  test.for(states)('%s', async ([, entry, state]) => {
    expectRow(explained(await state()), entry);
  });
});

test('what nobody who sends meets is explained where it is met: as a line of text', () => {
  for (const [id, { samples, class: kind, remedy }, way] of rows) {
    if (!('never' in way)) continue;
    for (const sample of samples) expect(explain(sample)).toMatchObject({ id, class: kind, remedy });
  }
});

test('each cause of a bare 535 5.7.3 is that row', async () => {
  const apps = [
    { roles: [] },
    { servicePrincipal: '66666666-6666-4666-8666-666666666666' },
    { roles: [], roleScope: ['info@contoso.com'], fullAccess: false },
  ];
  const [row] = rows.filter(([id]) => id === 'smtp-token-refused');
  const causes = [
    ...apps.map((app) => inState({ tenants: [{ apps: [app] }] })),
    inState({}, { mailer: { user: 'nobody@contoso.com' } }),
    withToken({ audience: 'https://graph.microsoft.com' }, {}),
    withToken({ lifetime: -60_000 }, {}),
    withToken({ user: 'admin@contoso.onmicrosoft.com' }, {}),
    withToken({ claims: { scp: 'IMAP.AccessAsUser.All' }, user: 'noreply@contoso.com' }, {}),
  ];
  for (const cause of causes) expectRow(explained(await cause()), row?.[1] ?? {});
});

test('a mailbox that is full says so again and again on one mailer, and is left in peace', async () => {
  await using full = await createSandbox({
    tenants: [{ mailboxes: [{ address: 'noreply@contoso.com', quota: 1 }] }],
  });
  await using mailer = mailerTo(full);
  const first = explained(await failureOf(mailer, full));
  const second = explained(await failureOf(mailer, full));
  expect([first.id, second.id]).toEqual(['smtp-sent-items-full', 'smtp-sent-items-full']);
  expect(second.facts.heldBack).toBeGreaterThan(0);
  expect(full.sessions.flatMap(({ entries }) => entries).filter(({ text }) => text === 'DATA')).toHaveLength(1);
});
