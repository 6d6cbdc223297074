// Marked secrets through everything that can happen, and then a search for them in everything that could be seen of it.
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type Sandbox, createSandbox } from '@mailgrant/sandbox';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  type MailerOptions,
  type OutgoingMail,
  type TokenRequest,
  clientCredentials,
  createMailer,
} from '../src/index.ts';
import { explain } from '../src/diagnosis/index.ts';
import { type LeakFinder, leakFinder, printed } from './leaks.ts';

const CLIENT_SECRET = 'Canary8Q~client.secret-_that~must.not.be.seen';
const TRACED = ['send', 'connect', 'authenticate', 'token'].flatMap((name) =>
  ['start', 'end', 'asyncStart', 'asyncEnd', 'error'].map((event) => `tracing:mailgrant:${name}:${event}`),
);
const CHANNELS = ['mailgrant:smtp:transcript', 'mailgrant:token:events', ...TRACED];

let sandbox: Sandbox;
/** Everything that was seen. */
let seen: string[];
let tokens: string[];
const listen = (message: unknown, name: string | symbol): void => void seen.push(String(name), printed(message));

beforeEach(async () => {
  seen = [];
  tokens = [];
  sandbox = await createSandbox({ tenants: [{ apps: [{ secrets: [CLIENT_SECRET] }] }] });
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
});
const onWarning = (warning: Error): void => void seen.push(printed(warning));

function mailerFor(options: Partial<MailerOptions> = {}, clientSecret: string = CLIENT_SECRET) {
  const { tokenEndpoint, clientId, scope, smtp, ca, mailbox } = sandbox;
  const source = clientCredentials({ tokenEndpoint, clientId, clientSecret, scope });
  const token = async (request?: TokenRequest) => {
    const access = await source(request);
    tokens.push(typeof access.value === 'string' ? access.value : access.value.reveal());
    return access;
  };
  seen.push(printed(source), printed(token));
  const limits = { messagesPerMinute: undefined };
  return createMailer({
    provider: 'microsoft365',
    ...smtp,
    ca,
    user: mailbox,
    token,
    retryDelay: 1,
    limits,
    ...options,
  });
}

const mail = (): OutgoingMail => ({
  envelope: { from: sandbox.mailbox, to: ['someone@example.com'] },
  message: 'Subject: hi\r\n\r\nhello\r\n',
});

/** What happened, as somebody may print it. */
async function look(happening: Promise<unknown>): Promise<void> {
  try {
    seen.push(printed(await happening));
  } catch (error) {
    seen.push(printed(error), String((error as Error).stack), printed(explain(error)));
  }
}

/** The head of a token says the same of every token; the rest is the secret. */
const finder = (): LeakFinder =>
  leakFinder([CLIENT_SECRET, ...tokens.map((token) => token.slice(token.indexOf('.') + 1))]);

function expectNothingSeen(): void {
  expect(tokens.length).toBeGreaterThan(0);
  seen.push(printed(sandbox.sessions), printed(sandbox.inbox.messages), printed(sandbox.tokenRequests));
  const find = finder();
  for (const text of seen) {
    const found = find(text);
    if (found !== undefined)
      expect.fail(`${found} is in: ${text.slice(Math.max(0, text.indexOf(found) - 300), text.indexOf(found) + 100)}`);
  }
}

test('the search finds what it looks for', async () => {
  const mailer = mailerFor();
  await mailer.verify();
  await mailer.close();
  const find = finder();
  const [token = ''] = tokens;
  for (const text of [
    token,
    token.slice(-40, -20),
    CLIENT_SECRET,
    Buffer.from(`user=x\x01auth=Bearer ${token}`).toString('base64'),
  ]) {
    expect(find(`before ${text} after`)).toBeDefined();
  }
  expect(channel('mailgrant:smtp:transcript').hasSubscribers).toBe(true);
  expect(seen.join()).toContain('AUTH XOAUTH2 [redacted]');
});

test('when all is well', async () => {
  for (const wire of ['lock-step', 'data', 'grouped', 'chunked', 'one-flight'] as const) {
    const mailer = mailerFor({ wire });
    seen.push(printed(mailer));
    await look(Promise.all([mailer.send(mail()), mailer.send(mail()), mailer.verify()]));
    seen.push(printed(mailer.health()), printed(mailer));
    await look(mailer.close());
  }
  expectNothingSeen();
});

const REFUSALS: readonly string[] = [
  '535 5.7.3 Authentication unsuccessful',
  '535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant',
  '334 eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIn0=',
  '421 4.3.2 Service not available',
  '454 4.7.0 Temporary authentication failure',
  '500 5.5.1 Line too long',
  '999 nonsense',
  '250 wrong',
];

test('when the login fails, in every way', async () => {
  for (const reply of REFUSALS) {
    const mailer = mailerFor({ retries: 0 });
    sandbox.exchange.reply('AUTH', reply, { times: 3 });
    await look(mailer.send(mail()));
    seen.push(printed(mailer.health()));
    await look(mailer.send(mail(), { deadline: 100 }));
    await look(mailer.verify({ deadline: 500 }));
    sandbox.exchange.clear();
    await mailer.close({ deadline: 1 });
  }
  expectNothingSeen();
});

test('when the server repeats what it was told', async () => {
  const source = mailerFor({ retries: 0 });
  await source.verify();
  const [token = ''] = tokens;
  const response = Buffer.from(`user=${sandbox.mailbox}\x01auth=Bearer ${token}\x01\x01`).toString('base64');
  for (const echo of [token, response, Buffer.from(token).toString('base64'), encodeURIComponent(token)]) {
    // Exchange's replies are far shorter than a token; so are these pieces of one.
    for (const piece of [echo.slice(0, 900), echo.slice(-900), echo.slice(400, 430)]) {
      sandbox.exchange.reply('MAIL', `550 5.7.1 ${piece}`);
      await look(source.send(mail()));
      sandbox.exchange.reply('MESSAGE', `250 2.0.0 OK <${piece}> queued`);
      await look(source.send(mail()));
      sandbox.exchange.reply('RCPT', `${piece}`);
      await look(source.send(mail(), { deadline: 1_000 }));
    }
  }
  await source.close({ deadline: 1 });
  expect(seen.filter((text) => text.includes('550') && text.includes('5.7.1 [redacted]')).length).toBeGreaterThan(0);
  expectNothingSeen();
});

test('when the token endpoint fails', async () => {
  const mailer = mailerFor();
  await mailer.verify();
  await mailer.close();
  const wrong = mailerFor({ retries: 0 }, `${CLIENT_SECRET}x`);
  await look(wrong.send(mail()));
  seen.push(printed(wrong.health()));
  await wrong.close({ deadline: 1 });
  expectNothingSeen();
});

test('when sends are ended early', async () => {
  const mailer = mailerFor({ retries: 0 });
  await mailer.send(mail());
  const abort = new AbortController();
  const aborted = mailer.send(mail(), { signal: abort.signal });
  abort.abort(new Error('enough'));
  await look(aborted);
  for (const point of ['MAIL', 'DATA', 'MESSAGE'] as const) {
    for (const close of ['end', 'reset'] as const) {
      sandbox.exchange.next(point, { close });
      await look(mailer.send(mail()));
    }
  }
  await look(mailer.close({ deadline: 1 }));
  await look(mailer.send(mail()));
  expectNothingSeen();
});
