import { expect, test } from 'vitest';
import {
  AuthenticationError,
  CapabilityError,
  ConnectionError,
  InputError,
  LimitError,
  ProtocolError,
  ReplyError,
  type Stage,
  TokenError,
} from '../errors.ts';
import { explain } from './explain.ts';

const reply = (code: number, line: string) => ({ code, status: /^\d\.\d+\.\d+/.exec(line)?.[0], lines: [line] });

test('a refusal tells what was decoded of it', () => {
  const denied = reply(
    554,
    '5.2.252 SendAsDenied; a@contoso.com not allowed to send as b@contoso.com; STOREDRV [Hostname=H]',
  );
  const { facts, command } = explain(
    new ReplyError('ERR_SMTP_MESSAGE_REFUSED', 'message', denied, { stage: 'message' }),
  );
  expect(facts).toEqual({
    errorCode: 'ERR_SMTP_MESSAGE_REFUSED',
    stage: 'message',
    reply: {
      code: 554,
      status: '5.2.252',
      text: 'SendAsDenied; a@contoso.com not allowed to send as b@contoso.com; STOREDRV',
    },
    trailer: { server: 'H', time: undefined, sessionId: undefined },
    sendAs: { login: 'a@contoso.com', sender: 'b@contoso.com' },
  });
  expect(command).toContain('-Identity b@contoso.com -Trustee');
});

test('a reply around another keeps both', () => {
  const nested = reply(
    530,
    '5.7.57 Client not authenticated to send mail. Error: 535 5.7.139 Authentication unsuccessful, basic authentication is disabled. [Hostname=H]',
  );
  expect(explain(nested)).toMatchObject({
    id: 'smtp-basic-auth-disabled',
    facts: {
      reply: { code: 535, status: '5.7.139' },
      outerReply: { code: 530, status: '5.7.57' },
      trailer: { server: 'H' },
    },
  });
});

test('a quoted reply nobody knows does not hide a known one around it', () => {
  expect(explain(reply(550, '5.7.60 no. Error: 599 5.9.9 what')).id).toBe('smtp-send-as-not-permitted');
});

test("the server's challenge is decoded", () => {
  const challenge = JSON.stringify({ status: '400', schemes: 'Bearer', scope: 'https://mail.google.com/', other: 'x' });
  const error = new AuthenticationError('XOAUTH2', reply(535, '5.7.8 no'), { challenge });
  expect(explain(error).facts.challenge).toEqual({
    status: '400',
    schemes: 'Bearer',
    scope: 'https://mail.google.com/',
  });
  expect(
    explain(new AuthenticationError('XOAUTH2', reply(535, 'no'), { challenge: 'no JSON' })).facts,
  ).not.toHaveProperty('challenge');
});

const UNKNOWN: readonly (readonly [code: number, line: string, stage: Stage | undefined, id: string])[] = [
  [421, '4.9.9 x', 'MAIL', 'smtp-service-closing'],
  [450, 'x', 'RCPT', 'smtp-temporary'],
  [451, '4.9.9 x', 'message', 'smtp-temporary'],
  [454, '4.9.9 x', 'AUTH', 'smtp-temporary'],
  [535, '5.9.9 x', 'AUTH', 'smtp-login-refused'],
  [535, 'x', undefined, 'smtp-login-refused'],
  [534, 'x', undefined, 'smtp-login-impossible'],
  [550, '5.9.9 x', 'AUTH', 'smtp-login-impossible'],
  [554, 'x', 'greeting', 'smtp-service-refused'],
  [550, 'x', 'EHLO', 'smtp-service-refused'],
  [550, '5.7.1 x', 'MAIL', 'smtp-sender-refused'],
  [553, 'x', 'MAIL', 'smtp-sender-refused'],
  [550, '5.7.1 x', 'RCPT', 'smtp-recipient-refused'],
  [550, 'x', 'RCPT', 'smtp-recipient-refused'],
  [554, '5.7.1 x', 'message', 'smtp-message-refused'],
  [554, 'x', 'DATA', 'smtp-message-refused'],
  [550, '5.1.7 x', undefined, 'smtp-sender-refused'],
  [550, '5.1.2 x', undefined, 'smtp-recipient-refused'],
  [550, '5.2.1 x', undefined, 'smtp-recipient-refused'],
  [550, '5.6.0 x', undefined, 'smtp-message-refused'],
  [550, 'x', undefined, 'smtp-message-refused'],
  [504, '5.5.2 <ada@host>: need fully-qualified address', 'RCPT', 'smtp-recipient-refused'],
  [504, '5.5.2 <me>: need fully-qualified hostname', 'EHLO', 'smtp-service-refused'],
  [504, 'x', 'AUTH', 'smtp-login-impossible'],
  [535, '5.7.1 Not authorized', 'AUTH', 'smtp-login-refused'],
  [550, '5.7.1 Sender is not authorized', 'MAIL', 'smtp-sender-refused'],
  [250, '2.0.0 OK', undefined, 'smtp-unexpected-reply'],
];

test.each(UNKNOWN)('%d %s at %s is %s', (code, line, stage, id) => {
  expect(explain(reply(code, line), { stage }).id).toBe(id);
  if (stage === undefined) return;
  const error = new ReplyError('ERR_SMTP_SERVICE_REFUSED', 'x', reply(code, line), { stage });
  expect(explain(error).id).toBe(id);
});

test.each([
  [501, '5.5.121 Invalid XOAUTH2 argument', 'hve-xoauth2-malformed'],
  [503, '5.5.1 Bad sequence of commands', 'smtp-bad-command'],
  [550, '5.1.1 No such user', 'smtp-recipient-unknown'],
])('%d %s before MAIL is no fault of a message or a recipient', (code, line, id) => {
  for (const stage of ['greeting', 'EHLO', 'STARTTLS', 'AUTH'] as const) {
    expect(explain(reply(code, line), { stage })).toMatchObject({ id, class: 'admin', retry: { attempts: 'none' } });
  }
  const login = new AuthenticationError('XOAUTH2', reply(code, line));
  expect(explain(login)).toMatchObject({ id, class: 'admin' });
  expect(explain(new LimitError('ERR_MAILER_SUSPENDED', 'x', { cause: login }))).toMatchObject({ id, class: 'admin' });
  expect(explain(reply(code, line), { stage: 'RCPT' }).class).not.toBe('admin');
});

test('a text decides nothing without its code: the words of an entry in another reply are only words', () => {
  const words =
    'SmtpClientAuthentication is disabled for the Tenant, basic authentication is disabled, SendAsDenied, OutboundSpamException';
  expect(explain(reply(550, `5.9.9 ${words}`), { stage: 'RCPT' }).id).toBe('smtp-recipient-refused');
  expect(explain(reply(451, words)).id).toBe('smtp-temporary');
  expect(explain(reply(535, words)).id).toBe('smtp-login-refused');
  expect(explain(words).id).toBe('unknown');
});

test('a code that says "later" is not made a "never" by the status beside it', () => {
  expect(explain(reply(451, '5.7.705 Access denied, tenant has exceeded threshold')).class).toBe('transient');
  expect(explain({ code: 550, status: undefined, lines: ['4.7.500 Server busy'] }).class).not.toBe('transient');
});

test('the server may say the same in other words', () => {
  expect(explain(reply(535, '5.7.139 Something quite new')).id).toBe('smtp-auth-policy');
  expect(explain(reply(432, '4.3.2 Something quite new')).id).toBe('smtp-too-many-connections');
});

test('the sender address is told from the mailbox', () => {
  expect(explain(reply(554, '5.2.252 SendAsDenied')).aboutSender).toBe(true);
  expect(explain(reply(550, '5.2.252 Sender throttled')).aboutSender).toBe(false);
});

const ANSWERS: readonly (readonly [answer: object, id: string, diagnosisClass: string])[] = [
  [{ status: 429, error: 'invalid_request' }, 'oauth-throttled', 'transient'],
  [{ status: 503 }, 'oauth-unavailable', 'transient'],
  [{ status: 500, error: 'invalid_client' }, 'oauth-unavailable', 'transient'],
  [{ status: 400, error: 'temporarily_unavailable' }, 'oauth-unavailable', 'transient'],
  [{ status: 401, error: 'invalid_client' }, 'oauth-invalid-client', 'admin'],
  [{ status: 400, error: 'unauthorized_client' }, 'oauth-unauthorized-client', 'admin'],
  [{ status: 400, error: 'invalid_grant' }, 'oauth-invalid-grant', 'admin'],
  [{ status: 400, error: 'invalid_grant', suberror: 'consent_required' }, 'oauth-consent-required', 'admin'],
  [{ status: 400, error: 'invalid_grant', suberror: 'something_new' }, 'oauth-invalid-grant', 'admin'],
  [{ status: 400, error: 'interaction_required' }, 'oauth-interaction-required', 'admin'],
  [{ status: 400, error: 'invalid_scope' }, 'oauth-invalid-scope', 'admin'],
  [{ status: 400, error: 'invalid_resource' }, 'oauth-invalid-resource', 'admin'],
  [{ status: 400, error: 'unsupported_grant_type' }, 'oauth-unsupported-grant', 'admin'],
  [{ status: 400, error: 'authorization_pending' }, 'oauth-authorization-pending', 'transient'],
  [{ status: 400, error: 'expired_token' }, 'oauth-device-code-expired', 'admin'],
  [{ status: 418, error: 'teapot' }, 'oauth-refused', 'admin'],
  [{ status: 400, error: 'invalid_client', description: 'AADSTS99999999: new' }, 'oauth-invalid-client', 'admin'],
];

test.each(ANSWERS)('%o is %s', (answer, id, diagnosisClass) => {
  expect(explain(answer)).toMatchObject({ id, class: diagnosisClass });
  const status = 'status' in answer && typeof answer.status === 'number' ? answer.status : 400;
  const code = status === 429 || status >= 500 ? 'ERR_OAUTH_UNAVAILABLE' : 'ERR_OAUTH_REFUSED';
  expect(explain(new TokenError(code, 'no token', answer))).toMatchObject({ id, class: diagnosisClass });
});

test('numbers only add words: HTTP status and OAuth error decide', () => {
  const description = 'AADSTS7000222: The provided client secret keys are expired.';
  expect(explain({ status: 503, error: 'temporarily_unavailable', description })).toMatchObject({
    id: 'entra-secret-expired',
    class: 'transient',
  });
  const passing = {
    status: 400,
    error: 'invalid_request',
    description: 'AADSTS90033: A transient error has occurred.',
  };
  expect(explain(passing)).toMatchObject({ id: 'entra-transient', class: 'admin', facts: { oauth: { hint: 'yes' } } });
});

test('an endpoint that is not there yet passes, whatever status says so', () => {
  const starting = new TokenError('ERR_OAUTH_UNAVAILABLE', 'the identity endpoint answered 404', { status: 404 });
  expect(explain(starting)).toMatchObject({ id: 'oauth-unavailable', class: 'transient' });
});

test('the first number that means something is explained', () => {
  const description = 'AADSTS99999999: x AADSTS700016: Application not found AADSTS65001';
  expect(explain({ status: 400, error: 'unauthorized_client', description })).toMatchObject({
    id: 'entra-application-unknown',
    facts: {
      oauth: { numbers: [99999999, 700016, 65001], link: 'https://login.microsoftonline.com/error?code=700016' },
    },
  });
});

test('Retry-After is heeded', () => {
  const error = new TokenError('ERR_OAUTH_UNAVAILABLE', 'busy', { status: 429, retryAfter: 17_000 });
  expect(explain(error).retry).toMatchObject({ attempts: 'many', wait: 17_000 });
});

test('errors of MSAL are understood', () => {
  const error = Object.assign(new Error('invalid_client: 7000215'), {
    errorCode: 'invalid_client',
    errorMessage: '7000215 - [2026-11-20 18:52:07Z]: AADSTS7000215: Invalid client secret provided. Trace ID: …',
    errorNo: 7000215,
    subError: '',
    status: 401,
  });
  expect(explain(error).id).toBe('entra-secret-wrong');
  expect(explain(new TokenError('ERR_OAUTH_SOURCE', 'the token source failed', { cause: error }))).toMatchObject({
    id: 'entra-secret-wrong',
    facts: { errorCode: 'ERR_OAUTH_SOURCE', stage: 'token' },
  });
  // In its local throttle MSAL has only the digits left.
  expect(explain(Object.assign(new Error('x'), { errorCode: '7000222' })).id).toBe('entra-secret-expired');
});

test('errors of nodemailer are understood', () => {
  const error = Object.assign(new Error('Invalid login: 535 5.7.3 Authentication unsuccessful'), {
    code: 'EAUTH',
    response: '535 5.7.3 Authentication unsuccessful [H.prod.outlook.com]',
    responseCode: 535,
  });
  expect(explain(error).id).toBe('smtp-token-refused');
});

test.each([
  ['ENOTFOUND', 'network-name-unknown'],
  ['ECONNREFUSED', 'network-refused'],
  ['ETIMEDOUT', 'network-unreachable'],
  ['ECONNRESET', 'network-reset'],
  ['CERT_HAS_EXPIRED', 'tls-certificate-expired'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'tls-issuer-unknown'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls-name-mismatch'],
  ['EPROTO', 'tls-handshake'],
])('%s below an error is %s', (systemCode, id) => {
  const cause = Object.assign(new Error('x'), { code: systemCode });
  const connect = new ConnectionError('ERR_SMTP_CONNECT', 'x', { cause, stage: 'connect' });
  expect(explain(connect)).toMatchObject({
    id,
    facts: { systemCode, errorCode: 'ERR_SMTP_CONNECT', stage: 'connect' },
  });
  const all = new AggregateError([cause], 'all addresses failed');
  expect(explain(new ConnectionError('ERR_SMTP_CONNECT', 'x', { cause: all })).id).toBe(id);
  expect(explain(new TokenError('ERR_OAUTH_UNREACHABLE', 'x', { cause })).id).toBe(id);
  expect(explain(new TokenError('ERR_OAUTH_SOURCE', 'x', { cause })).id).toBe(id);
});

test.each([
  [new ConnectionError('ERR_SMTP_CONNECT', 'x'), 'connect-failed', 'transient'],
  [new ConnectionError('ERR_SMTP_TLS', 'x'), 'tls-failed', 'admin'],
  [new ConnectionError('ERR_SMTP_CLOSED', 'x'), 'connection-closed', 'transient'],
  [new ConnectionError('ERR_SMTP_TIMEOUT', 'x'), 'timed-out', 'transient'],
  [new ConnectionError('ERR_SMTP_ABORTED', 'x'), 'stopped-by-caller', 'message'],
  [new ConnectionError('ERR_SMTP_BODY', 'x', { cause: { code: 'ECONNRESET' } }), 'body-failed', 'message'],
  [new ConnectionError('ERR_SMTP_HELD', 'x', { cause: { code: 'ECONNREFUSED' } }), 'held-back', 'message'],
  [new CapabilityError('ERR_SMTP_STARTTLS_NOT_OFFERED', 'x'), 'starttls-not-offered', 'admin'],
  [new CapabilityError('ERR_SMTP_AUTH_NOT_OFFERED', 'x'), 'auth-not-offered', 'admin'],
  [new CapabilityError('ERR_SMTP_SIZE_EXCEEDED', 'x'), 'size-exceeded', 'message'],
  [new ProtocolError('x'), 'protocol-broken', 'transient'],
  [new InputError('ERR_INPUT_ADDRESS', 'x'), 'input-address', 'message'],
  [new InputError('ERR_INPUT_OPTION', 'x'), 'input-option', 'admin'],
  [new TokenError('ERR_OAUTH_TIMEOUT', 'x'), 'oauth-timeout', 'transient'],
  [new TokenError('ERR_OAUTH_MALFORMED', 'x', { status: 200 }), 'oauth-malformed', 'admin'],
  [new TokenError('ERR_OAUTH_SOURCE', 'x', { cause: new Error('y') }), 'oauth-source-failed', 'admin'],
  [new TokenError('ERR_OAUTH_REFUSED', 'x'), 'oauth-refused', 'admin'],
  [new TokenError('ERR_OAUTH_NOT_CONNECTED', 'x'), 'oauth-not-connected', 'admin'],
  [new TokenError('ERR_OAUTH_WRONG_ACCOUNT', 'x'), 'oauth-wrong-account', 'admin'],
  [new TokenError('ERR_OAUTH_CALLBACK', 'x'), 'oauth-callback', 'admin'],
  [new TokenError('ERR_OAUTH_WRONG_TOKEN', 'x'), 'oauth-wrong-token', 'admin'],
  [new TokenError('ERR_OAUTH_UNAVAILABLE', 'x'), 'oauth-unavailable', 'transient'],
  [new LimitError('ERR_MAILER_DAILY_LIMIT', 'x', { retryAfter: 5_000 }), 'daily-limit', 'slow-down'],
  [new Error('x'), 'unknown', 'message'],
  [Object.assign(new Error('x'), { status: 500 }), 'unknown', 'message'],
  [undefined, 'unknown', 'message'],
  [null, 'unknown', 'message'],
  ['', 'unknown', 'message'],
  [42, 'unknown', 'message'],
  [{}, 'unknown', 'message'],
])('%s is %s', (thing, id, diagnosisClass) => {
  expect(explain(thing)).toMatchObject({ id, class: diagnosisClass });
});

test('an error of ours below the error of a framework is found', () => {
  const ours = new AuthenticationError('XOAUTH2', reply(535, '5.7.3 Authentication unsuccessful'));
  const wrapped = new Error('job failed', { cause: new Error('step failed', { cause: ours }) });
  expect(explain(wrapped)).toMatchObject({ id: 'smtp-token-refused', facts: { stage: 'AUTH' } });
});

test('a suspended mailbox is explained by what suspended it', () => {
  const cause = new AuthenticationError('XOAUTH2', reply(550, '5.9.9 no'));
  const error = new LimitError('ERR_MAILER_SUSPENDED', 'nothing is sent for 300 s', { cause, retryAfter: 300_000 });
  expect(explain(error)).toMatchObject({
    id: 'smtp-login-impossible',
    facts: { heldBack: 300_000, stage: 'AUTH', errorCode: 'ERR_SMTP_AUTH_REFUSED' },
    retry: { wait: 300_000 },
  });
  expect(explain(new LimitError('ERR_MAILER_SUSPENDED', 'x')).id).toBe('mailbox-suspended');
});

test('what may have been sent is not tried again by itself', () => {
  const lost = new ConnectionError('ERR_SMTP_CLOSED', 'x', { stage: 'message', mayHaveBeenSent: true });
  expect(explain(lost)).toMatchObject({
    class: 'transient',
    facts: { mayHaveBeenSent: true },
    retry: { attempts: 'none' },
  });
  const later = new LimitError('ERR_MAILER_SUSPENDED', 'x', { cause: lost });
  expect(explain(later).facts).not.toHaveProperty('mayHaveBeenSent');
  expect(explain(new Error('wrapped', { cause: lost })).facts.mayHaveBeenSent).toBe(true);
});

test('causes that go in circles end', () => {
  const error = new Error('a');
  error.cause = new Error('b', { cause: error });
  expect(explain(error).id).toBe('unknown');
});

test('values are put into commands, and only such as are safe to paste', () => {
  const refused = reply(535, '5.7.139 SmtpClientAuthentication is disabled for the Mailbox');
  const command = (mailbox: string) => explain(refused, { values: { mailbox } }).command;
  expect(command('noreply@contoso.com')).toBe(
    'Set-CASMailbox -Identity noreply@contoso.com -SmtpClientAuthenticationDisabled $false',
  );
  for (const value of ["a'; Remove-Mailbox b", '$(x)', '`x`', 'a b', '-Confirm', '', 'a\nb', '|x', '{x}']) {
    expect(command(value)).toBe('Set-CASMailbox -Identity <mailbox> -SmtpClientAuthenticationDisabled $false');
  }
});

test('a model leaves only its own checks', () => {
  const refused = reply(430, '4.2.0 STOREDRV; mailbox logon failure');
  const texts = (model?: 'app-permission' | 'app-rbac' | 'delegated') =>
    explain(refused, { model })
      .checks.map(({ text }) => text)
      .join(' ');
  expect(texts('app-rbac')).toContain('remove SMTP.SendAsApp');
  expect(texts('app-rbac')).not.toContain('If it has not, give it');
  expect(texts('app-permission')).toContain('FullAccess');
  expect(texts('app-permission')).not.toContain('remove SMTP.SendAsApp');
  expect(texts('delegated')).toBe('Delegated: the person signed in has rights on the mailbox named as XOAUTH2 user.');
  expect(explain(refused).checks.length).toBeGreaterThan(4);
});
