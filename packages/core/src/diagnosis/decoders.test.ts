import { expect, test } from 'vitest';
import { parseDiagnosticData, withoutDiagnosticData } from './diagnostic-data.ts';
import { parseEntraError } from './entra-error.ts';
import { innermostReply, parseNestedReply } from './nested-reply.ts';
import { parseReplyText, readReply } from './read-reply.ts';
import { parseSendAsDenied } from './send-as-denied.ts';
import { parseTrailer, withoutTrailer } from './trailer.ts';

test('a trailer tells server, time and session', () => {
  const text = 'Authentication unsuccessful [AM0PR04CA0035.prod.outlook.com 2023-09-12T20:59:57.214Z 08DBB276B7E699C4]';
  expect(parseTrailer(text)).toEqual({
    server: 'AM0PR04CA0035.prod.outlook.com',
    time: '2023-09-12T20:59:57.214Z',
    sessionId: '08DBB276B7E699C4',
  });
  expect(withoutTrailer(text)).toBe('Authentication unsuccessful');
});

test('a trailer may tell the server alone', () => {
  const server = 'GVXP192MB1782.EURP192.PROD.OUTLOOK.COM';
  const alone = { server, time: undefined, sessionId: undefined };
  expect(parseTrailer(`Temporary server error. MRH1 [Hostname=${server}]`)).toEqual(alone);
  expect(parseTrailer(`Service not active [${server}]`)).toEqual(alone);
  expect(parseTrailer('limit exceeded [Hostname=HOST]')?.server).toBe('HOST');
  expect(withoutTrailer(`a [Hostname=${server}] b [${server}]`)).toBe('a b');
});

test.each([
  'busy, try again from [192.0.2.1]. (S77719)',
  'client host [192.0.2.1]',
  'relay [mail.example.com] denied',
  'nothing',
  '[Message=Socket error code 10061]',
])('other brackets are no trailer: %s', (text) => {
  expect(parseTrailer(text)).toBeUndefined();
  expect(withoutTrailer(text)).toBe(text);
});

test('of two trailers the last is the one of this server', () => {
  expect(parseTrailer('[Hostname=inner.example.com] relayed by [Hostname=outer.example.com]')?.server).toBe(
    'outer.example.com',
  );
});

const DIAGNOSTICS =
  'SendAsDenied [BeginDiagnosticData]Cannot submit message. 1.84300:0A000000, 0.33596:73706F72, ' +
  '5.95292:67000000446F526F70730072, 5.33852:00000000534D545000000000, 7.57132:000000000000000074654372, ' +
  '5.56248:DC04000053656E64417320636865636B206661696C656420626563617573652041492069732E6E756C6C0000, ' +
  '5.46798:040000004D61696C4974656D5375626D697373696F6E00363A663764, 5.33852:00000000534D545000000000, ' +
  '5.29818:0000000030613065363335622D303030302D343030302D383030302D30303030303030303030303100000000, ' +
  '1.55954:0A000000[EndDiagnosticData] [Hostname=H]';

test('diagnostic data is decoded: texts only, each once, up to their zero byte', () => {
  expect(parseDiagnosticData(DIAGNOSTICS)).toEqual([
    'DoRops',
    'SMTP',
    'SendAs check failed because AI is.null',
    'MailItemSubmission',
    '0a0e635b-0000-4000-8000-000000000001',
  ]);
  expect(withoutDiagnosticData(DIAGNOSTICS)).toBe('SendAsDenied [Hostname=H]');
});

test('diagnostic data that was cut off is decoded as far as it goes', () => {
  const cut = DIAGNOSTICS.slice(0, DIAGNOSTICS.indexOf('5.56248:') + 29);
  expect(parseDiagnosticData(cut)).toEqual(['DoRops', 'SMTP', 'SendAs']);
  expect(withoutDiagnosticData(cut)).toBe('SendAsDenied');
});

test('nothing is decoded outside of diagnostic data, and no odd bytes inside', () => {
  expect(parseDiagnosticData('5.33852:00000000534D545000000000')).toEqual([]);
  expect(parseDiagnosticData('[BeginDiagnosticData]5.1:000000001B5B324A41424300')).toEqual([]);
});

test('a secret hidden in hex stays hidden', () => {
  const hex = Buffer.from('eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9').toString('hex').toUpperCase();
  expect(parseDiagnosticData(`[BeginDiagnosticData]5.1:00000000${hex}00`)).toEqual(['[redacted]']);
});

test('both addresses of SendAsDenied are read', () => {
  const text = 'SendAsDenied; info@contoso.com not allowed to send as noreply@fabrikam.com; STOREDRV.Submission';
  expect(parseSendAsDenied(text)).toEqual({ login: 'info@contoso.com', sender: 'noreply@fabrikam.com' });
});

test.each([
  'SendAsDenied; STOREDRV.Submission',
  'SendAsDenied;  not allowed to send as ; x',
  'a@b not allowed to send as somebody',
  'a@b not allowed to send as $(x)@c;',
  'a@b not allowed to send as `x`@c;',
])('what is no pair of addresses is not read: %s', (text) => {
  expect(parseSendAsDenied(text)).toBeUndefined();
});

test('a quoted reply is found', () => {
  expect(
    parseNestedReply('Client not authenticated to send mail. Error: 535 5.7.139 Authentication unsuccessful'),
  ).toEqual({
    code: 535,
    status: '5.7.139',
    text: 'Authentication unsuccessful',
  });
  expect(parseNestedReply("Remote server returned '550 5.7.233 - Your message'")).toMatchObject({
    code: 550,
    text: "Your message'",
  });
  expect(parseNestedReply('Error: 535 without a status')).toBeUndefined();
});

test('a "never" quoted by a "later" does not make it a "never"', () => {
  const later = { code: 451, status: '4.4.0', text: 'Remote server returned 550 5.7.1 no' };
  expect(innermostReply(later)).toBe(later);
  const never = { code: 530, status: '5.7.57', text: 'Error: 535 5.7.57 Error: 535 5.7.3 no' };
  expect(innermostReply(never)).toEqual({ code: 535, status: '5.7.3', text: 'no' });
});

test('a reply is read as one line without its codes', () => {
  const lines = ['5.7.9 Application-specific password required.', '5.7.9  https://support.google.com/ - gsmtp'];
  expect(readReply({ code: 534, status: '5.7.9', lines })).toEqual({
    code: 534,
    status: '5.7.9',
    text: 'Application-specific password required. https://support.google.com/ - gsmtp',
  });
  expect(readReply({ code: 550, status: undefined, lines: ['4.4.7 QUEUE.Expired'] }).status).toBe('4.4.7');
});

test.each([
  ['535 5.7.3 Authentication unsuccessful', 535, '5.7.3', ['5.7.3 Authentication unsuccessful']],
  ['Invalid login: 535 5.7.3 Authentication unsuccessful', 535, '5.7.3', ['5.7.3 Authentication unsuccessful']],
  ['534-5.7.9 a\r\n534 5.7.9 b', 534, '5.7.9', ['5.7.9 a', '5.7.9 b']],
  ['421 bye', 421, undefined, ['bye']],
  [
    '#< #4.4.7 smtp;550 4.4.7 QUEUE.Expired; message expired> #SMTP#',
    550,
    undefined,
    ['4.4.7 QUEUE.Expired; message expired> #SMTP#'],
  ],
  ['550', 550, undefined, ['']],
])('a reply is found in text: %s', (text, code, status, lines) => {
  expect(parseReplyText(text)).toMatchObject({ code, status });
  expect(parseReplyText(text)?.lines.join('|').trim()).toBe(lines.join('|'));
});

test.each(['', 'nothing', 'error 535 happened', 'port 587 4 attempts', '1535 5.7.3 x', '10.5.535 5.7.3'])(
  'no reply is found in: %s',
  (text) => {
    expect(parseReplyText(text)).toBeUndefined();
  },
);

test("Entra's text is taken apart", () => {
  const text =
    "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent is the value, for a secret added to app '7146a1f0-8703-45b3-9eae-527a64c00995'. " +
    'Trace ID: 0b1c2d3e-0000-4000-8000-000000000001 Correlation ID: 0b1c2d3e-0000-4000-8000-000000000002 Timestamp: 2026-11-20 18:52:07Z';
  expect(parseEntraError(text)).toEqual({
    numbers: [7000215],
    words:
      "Invalid client secret provided. Ensure the secret being sent is the value, for a secret added to app '7146a1f0-8703-45b3-9eae-527a64c00995'.",
    traceId: '0b1c2d3e-0000-4000-8000-000000000001',
    correlationId: '0b1c2d3e-0000-4000-8000-000000000002',
    timestamp: '2026-11-20 18:52:07Z',
  });
});

test('several numbers are read in order, each once', () => {
  expect(parseEntraError('AADSTS65001: … AADSTS50076 … AADSTS65001 … AADSTS12').numbers).toEqual([65001, 50076]);
});

test('what looks like a credential in the words of a token endpoint is hidden', () => {
  const { words } = parseEntraError('secret aBc8Q~1234567890abcdefghijklmnopqrstuvwx is wrong');
  expect(words).toBe('secret [redacted] is wrong');
});

test('a text of another form gives nothing', () => {
  expect(parseEntraError('')).toEqual({
    numbers: [],
    words: undefined,
    traceId: undefined,
    correlationId: undefined,
    timestamp: undefined,
  });
  expect(parseEntraError('Trace ID: <script>').traceId).toBeUndefined();
});
