import { expect, test } from 'vitest';
import { AuthenticationError, ERROR_CODES, ReplyError, TokenError } from '../errors.ts';
import { ReplyParser } from '../smtp/reply-parser.ts';
import type { Reply } from '../smtp/reply.ts';
import { AADSTS_CATALOGUE, OTHER_ENTRIES, REPLY_CATALOGUE } from './catalogue.ts';
import { OWN_ERRORS } from './catalogue/own-errors.ts';
import type { DiagnosisClass } from './entry.ts';
import { explain, explainHveBilling } from './explain.ts';
import { SOURCES } from './sources.ts';

function parse(text: string): Reply {
  const [reply, ...rest] = new ReplyParser().push(Buffer.from(`${text.replaceAll('\n', '\r\n')}\r\n`));
  if (reply === undefined || rest.length > 0) throw new Error(`not one reply: ${text}`);
  return reply;
}

// Written apart from the catalogue: what was seen in public, what it must be called, and what must follow.
const SEEN: readonly (readonly [text: string, id: string, diagnosisClass: DiagnosisClass])[] = [
  ['421 4.3.2 Service not active [AM0PR04CA0035.eurprd04.prod.outlook.com]', 'smtp-service-not-active', 'transient'],
  ['421 4.4.2 Connection timed out', 'smtp-idle-closed', 'transient'],
  ['451 4.4.1 Connection timed out. Total session duration: 00:20:55.2518450', 'smtp-session-too-long', 'transient'],
  ['421 4.7.66 TLS 1.0 and 1.1 are not supported.', 'smtp-old-tls', 'admin'],
  ['451 4.7.0 Temporary server error. Please try again later. PRX4 [H]', 'smtp-proxy-trouble', 'transient'],
  [
    '451 4.3.111 Temporary server error. Please try again later MRH1 [Hostname=H]',
    'smtp-message-deferred',
    'transient',
  ],
  ['451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (S77719)', 'smtp-server-busy', 'transient'],
  ['450 4.7.699 Access denied, please try again later', 'smtp-server-busy', 'transient'],
  ['450 4.7.899 Access denied, please try again later', 'smtp-address-evaluated', 'transient'],
  ['454 4.7.0 Temporary authentication failure', 'smtp-authentication-temporary', 'transient'],
  [
    '432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending',
    'smtp-too-many-connections',
    'slow-down',
  ],
  ['432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded', 'smtp-sender-busy', 'slow-down'],
  ['432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded', 'smtp-recipient-busy', 'transient'],
  ['452 4.5.3 Too many recipients', 'smtp-too-many-recipients', 'transient'],
  [
    '430 4.2.0 STOREDRV; mailbox logon failure; STOREDRV.Submission.Exception:ConnectionFailedTransientException.MapiExceptionLogonFailed',
    'smtp-mailbox-logon-failed',
    'propagation',
  ],
  ['535 5.7.3 Authentication unsuccessful [AM0PR04CA0035.eurprd04.prod.outlook.com]', 'smtp-token-refused', 'token'],
  [
    '535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information.',
    'smtp-auth-disabled-tenant',
    'admin',
  ],
  [
    '535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.',
    'smtp-auth-disabled-mailbox',
    'admin',
  ],
  ['535 5.7.139 Authentication unsuccessful, basic authentication is disabled.', 'smtp-basic-auth-disabled', 'admin'],
  ['535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.', 'smtp-password-wrong', 'admin'],
  [
    "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy.",
    'smtp-security-defaults',
    'admin',
  ],
  [
    '535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully.',
    'smtp-conditional-access',
    'admin',
  ],
  [
    "535 5.7.139 Authentication unsuccessful, the organization configuration doesn't allow this authentication request.",
    'smtp-organization-forbids-password',
    'admin',
  ],
  [
    '535 5.7.139 Authentication unsuccessful, federated STS service was unreachable.',
    'smtp-federation-unreachable',
    'transient',
  ],
  [
    '535 5.7.139 Authentication unsuccessful, the federated STS URL does not support HTTPS.',
    'smtp-federation-not-https',
    'admin',
  ],
  ['535 5.7.139 Authentication unsuccessful [BN0PR04CA0129.namprd04.prod.outlook.com]', 'smtp-auth-policy', 'admin'],
  ['550 5.7.30 Basic authentication is not supported for Client Submission.', 'smtp-basic-auth-retired', 'admin'],
  ['550 Mailbox cannot be accessed [CWLP265CA0316.GBRP265.PROD.OUTLOOK.COM]', 'smtp-mailbox-unusable', 'admin'],
  ['504 5.7.4 Unrecognized authentication type', 'smtp-mechanism-unknown', 'admin'],
  ['501 5.5.121 Invalid XOAUTH2 argument', 'hve-xoauth2-malformed', 'message'],
  ['501 5.5.124 Invalid XOAUTH2 argument', 'hve-xoauth2-malformed', 'message'],
  ['535 5.7.142 Token will expire soon', 'hve-token-expires-soon', 'token'],
  ['535 5.7.143 Expired token', 'hve-token-expired', 'token'],
  ['535 5.7.144 XOAUTH2 authentication failed. Invalid API permissions.', 'hve-permission-missing', 'admin'],
  [
    '550 5.7.240 The application is not allowed for use with this High Volume Email account',
    'hve-app-not-allowed',
    'admin',
  ],
  ['550 5.2.240 not a High Volume Email account', 'hve-not-an-hve-account', 'admin'],
  ['550 5.7.62 sender', 'hve-envelope-sender', 'message'],
  ['550 5.6.241 From', 'hve-header-from', 'message'],
  [
    '530 5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM [H]',
    'smtp-mail-before-auth',
    'admin',
  ],
  [
    '530 5.7.57 Client not authenticated to send mail. Error: 535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.',
    'smtp-password-wrong',
    'admin',
  ],
  [
    '530 5.7.57 Client not authenticated to send mail. Error: 535 5.7.3 Authentication unsuccessful',
    'smtp-token-refused',
    'token',
  ],
  ['530 5.7.1 Client was not authenticated', 'smtp-authentication-required', 'admin'],
  [
    '550 5.7.60 SMTP; Client does not have permissions to send as this sender [H]',
    'smtp-send-as-not-permitted',
    'admin',
  ],
  ['550 5.7.1 Client does not have permission to send as this sender', 'smtp-send-as-not-permitted', 'admin'],
  [
    '554 5.2.252 SendAsDenied; a@contoso.com not allowed to send as b@contoso.com; STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; …',
    'smtp-send-as-denied',
    'admin',
  ],
  [
    '554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied',
    'smtp-send-as-denied-older',
    'admin',
  ],
  [
    '550 5.2.251 Sender throttled due to continuous mailbox full errors.',
    'smtp-sender-throttled-mailbox-full',
    'blocked',
  ],
  ['550 5.2.252 Sender throttled due to continuous send as denied errors.', 'smtp-sender-throttled-send-as', 'blocked'],
  [
    '550 5.2.253 Sender throttled due to continuous invalid license errors.',
    'smtp-sender-throttled-licence',
    'blocked',
  ],
  [
    '550 5.2.254 Sender throttled due to continuous too many recipients errors.',
    'smtp-sender-throttled-too-many-recipients',
    'blocked',
  ],
  [
    '550 5.2.255 Sender throttled due to continuous invalid recipients errors.',
    'smtp-sender-throttled-bad-recipients',
    'blocked',
  ],
  [
    '554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded',
    'smtp-sent-items-full',
    'admin',
  ],
  ['554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException', 'smtp-daily-recipients', 'slow-down'],
  ['550 5.2.2 Submission quota exceeded', 'smtp-daily-recipients-older', 'slow-down'],
  [
    "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients",
    'smtp-daily-recipients-older',
    'slow-down',
  ],
  [
    "550 5.7.233 - Your message can't be sent because your tenant has exceeded its daily limit for sending email to external recipients",
    'smtp-tenant-external-limit',
    'slow-down',
  ],
  ['550 5.1.8 Access denied, bad outbound sender. AS(42003)', 'smtp-restricted-user', 'blocked'],
  ['550 5.7.501 Access denied, spam abuse detected', 'smtp-spam-blocked', 'blocked'],
  ["550 5.7.703 Your message can't be delivered", 'smtp-tenant-block-list', 'recipient'],
  ['550 5.7.705 Access denied, tenant has exceeded threshold', 'smtp-tenant-threshold', 'blocked'],
  ['550 5.7.708 Access denied, traffic not accepted from this IP', 'smtp-tenant-not-trusted', 'blocked'],
  ['550 5.7.750 Client blocked from sending from unregistered domains', 'smtp-domain-not-registered', 'admin'],
  ['552 5.3.4 Message size exceeds fixed maximum message size', 'smtp-message-too-big', 'message'],
  ['550 5.7.512 Access denied, message must be RFC 5322 section 3.6.2 compliant', 'smtp-from-missing', 'message'],
  ['550 5.6.11 Invalid characters', 'smtp-bare-line-feed', 'message'],
  ['550 5.1.1 Bad destination mailbox address', 'smtp-recipient-unknown', 'recipient'],
  ['550 5.1.10 Recipient not found', 'smtp-recipient-unknown', 'recipient'],
  ['550 5.4.1 Recipient address rejected: Access denied', 'smtp-recipient-unknown', 'recipient'],
  ['550 5.5.0 Requested action not taken: mailbox unavailable', 'smtp-recipient-unknown', 'recipient'],
  ['550 5.7.504 Recipient address rejected: Access denied', 'smtp-recipient-unknown', 'recipient'],
  ['550 5.7.1 Delivery not authorized, message refused', 'smtp-recipient-restricted', 'recipient'],
  ['550 5.7.12 Sender was not authenticated by organization', 'smtp-recipient-restricted', 'recipient'],
  ['550 5.7.124 Sender not in allowed-senders list', 'smtp-recipient-restricted', 'recipient'],
  ['550 5.7.136 Sender was not authenticated', 'smtp-recipient-restricted', 'recipient'],
  [
    "550 5.2.121 Recipient's per hour message receive limit from specific sender exceeded",
    'smtp-recipient-hourly-limit',
    'slow-down',
  ],
  ['550 5.4.14 Hop count exceeded - possible mail loop', 'smtp-routing-loop', 'recipient'],
  ['550 4.4.7 Message expired', 'smtp-delivery-expired', 'recipient'],
  ['550 5.4.300 Message expired', 'smtp-delivery-expired', 'recipient'],
  [
    '550 5.7.23 The message was rejected because of Sender Policy Framework violation',
    'smtp-sender-domain-policy',
    'recipient',
  ],
  [
    '550 5.7.509 Access denied, sending domain does not pass DMARC verification',
    'smtp-sender-domain-policy',
    'recipient',
  ],
  ['550 5.7.506 Access Denied, Bad HELO', 'smtp-bad-ehlo-name', 'admin'],
  ['550 5.7.511 Access denied, banned sender', 'smtp-banned-address', 'admin'],
  ['550 5.7.649 Access denied, banned sending IP', 'smtp-banned-address', 'admin'],
  ['550 5.7.64 TenantAttribution; Relay Access Denied', 'smtp-wrong-endpoint', 'admin'],
  ['451 4.4.62 Mail sent to the wrong Office 365 region. ATTR35.', 'smtp-wrong-endpoint', 'admin'],
  ['503 5.5.1 Bad sequence of commands', 'smtp-bad-command', 'message'],
  [
    '535-5.7.8 Username and Password not accepted.\n535 5.7.8  https://support.google.com/mail/?p=BadCredentials x - gsmtp',
    'smtp-credentials-refused',
    'token',
  ],
  [
    '534-5.7.9 Application-specific password required.\n534 5.7.9  https://support.google.com/mail/?p=InvalidSecondFactor x - gsmtp',
    'gmail-password-used',
    'admin',
  ],
  ['550 5.4.5 Daily user sending limit exceeded. x - gsmtp', 'gmail-daily-limit', 'slow-down'],
  ['421 4.7.0 Try again later, closing connection. (EHLO) x - gsmtp', 'gmail-try-later', 'transient'],
  ['452 4.5.3 Your message has too many recipients. x - gsmtp', 'gmail-too-many-recipients', 'transient'],
  [
    '553 5.7.1 <a@example.com>: Sender address rejected: not owned by user b@example.com',
    'smtp-sender-not-owned',
    'admin',
  ],
];

test.each(SEEN)('%s', (text, id, diagnosisClass) => {
  const reply = parse(text);
  expect(explain(reply)).toMatchObject({ id, class: diagnosisClass });
  expect(explain(new ReplyError('ERR_SMTP_MESSAGE_REFUSED', 'sending', reply, { stage: 'message' }))).toMatchObject({
    id,
  });
  expect(explain(new AuthenticationError('XOAUTH2', reply))).toMatchObject({ id });
  expect(explain(text)).toMatchObject({ id });
});

test.each(REPLY_CATALOGUE.map((entry) => [entry.id, entry] as const))('the samples of %s reach it', (id, entry) => {
  expect(entry.samples.length).toBeGreaterThan(0);
  for (const sample of entry.samples) expect(explain(parse(sample)), sample).toMatchObject({ id, class: entry.class });
});

test.each(REPLY_CATALOGUE.map((entry) => [entry.id, entry] as const))(
  'no other entry hides a match of %s',
  (id, { match }) => {
    for (const { code, status = [undefined], words = '' } of match) {
      for (const pattern of status) {
        const [first, last] = pattern?.split('-') ?? [];
        const ends = last === undefined ? [first] : [first, first?.replace(/\d+$/, last)];
        for (const each of ends) {
          const codes = code ?? [each?.startsWith('4') ? 451 : 554];
          for (const number of codes) {
            const found = explain({
              code: number,
              status: undefined,
              lines: [`${each ?? ''} ${words}`.trim()],
            });
            expect(found.id, `${number} ${each} ${words}`).toBe(id);
          }
        }
      }
    }
  },
);

const TRANSIENT = [50033, 50087, 90006, 90012, 90024, 90033, 90090, 70012, 70016, 90055];

test.each(AADSTS_CATALOGUE.flatMap((entry) => entry.numbers.map((number) => [number, entry] as const)))(
  'AADSTS%d',
  (number, entry) => {
    const description = `AADSTS${number}: ${entry.sample} Trace ID: 0b1c2d3e-0000-4000-8000-000000000001`;
    const wanted = { id: entry.id, class: TRANSIENT.includes(number) ? 'transient' : 'admin' };
    expect(explain({ status: 400, error: entry.error, description })).toMatchObject(wanted);
    expect(explain({ error: entry.error, error_description: description, error_codes: [number] })).toMatchObject(
      wanted,
    );
    const facts = { status: 400, error: entry.error, description };
    expect(explain(new TokenError('ERR_OAUTH_REFUSED', 'no token', facts))).toMatchObject(wanted);
    // The text alone: the OAuth error that goes with the number decides in place of the one that is missing.
    expect(explain(description)).toMatchObject(wanted);
    expect(explain(description).facts.oauth?.link).toBe(`https://login.microsoftonline.com/error?code=${number}`);
  },
);

test('no number stands in two entries', () => {
  const numbers = AADSTS_CATALOGUE.flatMap((entry) => entry.numbers);
  expect(new Set(numbers).size).toBe(numbers.length);
  expect(numbers.length).toBeGreaterThanOrEqual(126);
});

const EVERY_ENTRY = [...REPLY_CATALOGUE, ...AADSTS_CATALOGUE, ...OTHER_ENTRIES];

test('every name is used once', () => {
  const ids = EVERY_ENTRY.map((entry) => entry.id);
  expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
});

test.each(EVERY_ENTRY.map((entry) => [entry.id, entry] as const))('%s is written as people read it', (id, entry) => {
  expect(id).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
  expect(entry.title).toMatch(/^[A-Z0-9].*[^.]$/);
  expect(entry.title.length).toBeLessThanOrEqual(80);
  expect(entry.cause).toMatch(/^[A-Z0-9].*\.$/);
  expect(entry.remedy).toMatch(/^[A-Z0-9].*\.$/);
  expect(entry.remedy.length).toBeLessThanOrEqual(260);
  for (const { text } of entry.checks ?? []) expect(text).toMatch(/^[A-Z].*(\.|configuration)$/);
  // Commands are pasted into a shell: nothing but ASCII, and every placeholder is one explain() can fill.
  for (const command of [entry.command, ...(entry.checks ?? []).map((check) => check.command)]) {
    for (const [, name] of command?.matchAll(/<([^>]*)>/g) ?? []) expect(PLACEHOLDERS).toContain(name);
    expect(command ?? '').toMatch(/^[\x20-\x7e]*$/);
  }
});

const PLACEHOLDERS = [
  'mailbox',
  'sender',
  'client id',
  'object id',
  'object id or user',
  'hve account',
  'reply address',
  'policy id',
  'policy with AllowBasicAuthSmtp',
];

test.each(EVERY_ENTRY.map((entry) => [entry.id, entry.source] as const))(
  '%s names its source and its date',
  (_, source) => {
    expect(Object.keys(SOURCES)).toContain(source);
    expect(SOURCES[source]?.date).toMatch(/^20\d\d-(0[1-9]|1[0-2])(-[0-3]\d)?$/);
  },
);

test('no source is left over', () => {
  const used = new Set<string>(EVERY_ENTRY.map((entry) => entry.source));
  expect(Object.keys(SOURCES).filter((key) => !used.has(key))).toEqual([]);
});

test('words refine a code or status and are in lower case', () => {
  for (const { id, match } of REPLY_CATALOGUE) {
    for (const { code, status, words = '' } of match) {
      expect((code ?? status ?? []).length, id).toBeGreaterThan(0);
      expect(words, id).toBe(words.toLowerCase());
    }
  }
});

test('every code of our own errors has an explanation', () => {
  const withAnswer = ERROR_CODES.filter((code) => /^ERR_(OAUTH_|SMTP_\w+_REFUSED)/.test(code));
  const own: readonly string[] = OWN_ERRORS.flatMap(({ codes }) => codes);
  expect([...own, ...withAnswer].sort()).toEqual([...ERROR_CODES].sort());
});

test('the five bad states of HVE billing are explained, the good one is not', () => {
  for (const state of ['NoProperBillingPolicyStored', 'BillingPolicyNotFound', 'NoConnectedBillingPolicyFound']) {
    expect(explainHveBilling(state)).toMatchObject({
      id: 'hve-billing',
      class: 'admin',
      facts: { billingState: state },
    });
  }
  expect(explainHveBilling('SubscriptionIsNotActive')).toMatchObject({ id: 'hve-billing' });
  expect(explainHveBilling('NoSPOLicenseFound')).toMatchObject({ id: 'hve-billing' });
  expect(explainHveBilling('BillingPolicyValid')).toBeUndefined();
});
