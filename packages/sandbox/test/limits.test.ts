import { describe, expect, test } from 'vitest';
import {
  createSandbox,
  editMailbox,
  editTenant,
  type ExchangeLimits,
  type MailboxOptions,
  type Sandbox,
  type SandboxOptions,
} from '../src/index.ts';
import { mailer, RawClient, requestToken, xoauth2 } from './clients.ts';

const START = Date.parse('2026-11-20T10:00:00Z');

/** Sends one message over `client`; returns the reply to it. */
async function send(client: RawClient, sandbox: Sandbox, from = sandbox.mailbox, to = ['ada@example.com']) {
  await client.command(`MAIL FROM:<${sandbox.mailbox}>`);
  for (const address of to) await client.command(`RCPT TO:<${address}>`);
  await client.command('DATA');
  return client.command(`From: ${from}\r\n\r\nHello\r\n.`);
}

const limited = (limits: Partial<ExchangeLimits>, mailbox: Partial<MailboxOptions> = {}): SandboxOptions => ({
  smtp: { limits },
  tenants: [{ mailboxes: [{ address: 'noreply@contoso.com', ...mailbox }] }],
});

describe('connections', () => {
  test('a fourth at once is refused at AUTH, and let in when one of the three has gone', async () => {
    await using sandbox = await createSandbox();
    const auth = `AUTH XOAUTH2 ${xoauth2(sandbox.mailbox, await sandbox.entra.issue())}`;
    const [first] = [await RawClient.authenticated(sandbox), await RawClient.authenticated(sandbox)];
    await RawClient.authenticated(sandbox);
    using fourth = await RawClient.secure(sandbox);
    expect(await fourth.command(auth)).toMatch(
      /^432 4\.3\.2 Concurrent connections limit exceeded\. Visit https:\/\/aka\.ms\/concurrent_sending for more information\. \[Hostname=\S+\]$/,
    );
    expect(sandbox.exchange.traffic(sandbox.mailbox)).toMatchObject({ connections: 3, maxConnections: 4 });
    await first?.command('QUIT');
    await first?.closed();
    while (sandbox.exchange.traffic(sandbox.mailbox).connections > 2) await new Promise(setImmediate);
    expect(await fourth.command(auth)).toMatch(/^235 /);
  });

  test('of another mailbox do not count, and a token refused takes no place', async () => {
    await using sandbox = await createSandbox({
      smtp: { limits: { connections: 1 } },
      tenants: [{ mailboxes: ['a@contoso.com', 'b@contoso.com'] }],
    });
    const token = await sandbox.entra.issue();
    using client = await RawClient.secure(sandbox);
    expect(await client.command(`AUTH XOAUTH2 ${xoauth2('a@contoso.com', 'bad')}`)).toMatch(/^535 /);
    expect(await client.command(`AUTH XOAUTH2 ${xoauth2('a@contoso.com', token)}`)).toMatch(/^235 /);
    using other = await RawClient.secure(sandbox);
    expect(await other.command(`AUTH XOAUTH2 ${xoauth2('b@contoso.com', token)}`)).toMatch(/^235 /);
  });
});

describe('messages per minute', () => {
  test('the reply to one too many waits until the minute has passed by the sandbox’s clock', async () => {
    let now = START;
    await using sandbox = await createSandbox({ now: () => now, ...limited({ messagesPerMinute: 2 }) });
    using client = await RawClient.authenticated(sandbox);
    for (let count = 0; count < 2; count += 1) expect(await send(client, sandbox)).toMatch(/^250 /);
    let answered = false;
    const third = send(client, sandbox).finally(() => {
      answered = true;
    });
    while (!sandbox.sessions[0]?.entries.some(({ text, transaction }) => transaction === 3 && text.startsWith('354'))) {
      await new Promise(setImmediate);
    }
    now += 59_999;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([answered, sandbox.inbox.messages.length]).toEqual([false, 2]);
    now += 1;
    expect(await third).toMatch(/^250 /);
    const traffic = sandbox.exchange.traffic(sandbox.mailbox);
    expect([traffic.maxMessagesIn(60_000), traffic.maxMessagesIn(60_001)]).toEqual([2, 3]);
  });

  test('one too many can be refused instead, and only accepted ones count', async () => {
    await using sandbox = await createSandbox(limited({ messagesPerMinute: 1, overRate: 'refuse' }));
    using client = await RawClient.authenticated(sandbox);
    sandbox.exchange.reply('MESSAGE', '451 4.7.0 Temporary server error');
    expect(await send(client, sandbox)).toMatch(/^451 /);
    expect(await send(client, sandbox)).toMatch(/^250 /);
    expect(await send(client, sandbox)).toMatch(/^432 4\.3\.2 STOREDRV\.ClientSubmit; sender thread limit exceeded/);
    expect(sandbox.exchange.traffic(sandbox.mailbox).messages).toHaveLength(1);
  });
});

test('recipients per day are counted over 24 hours and refused after the message', async () => {
  let now = START;
  await using sandbox = await createSandbox({ now: () => now, ...limited({ recipientsPerDay: 3 }) });
  using client = await RawClient.authenticated(sandbox);
  const two = ['a@example.com', 'b@example.com'];
  expect(await send(client, sandbox, undefined, two)).toMatch(/^250 /);
  expect(await send(client, sandbox, undefined, two)).toMatch(
    /^554 5\.2\.0 STOREDRV\.Submission\.Exception:SubmissionQuotaExceededException/,
  );
  expect(await send(client, sandbox)).toMatch(/^250 /);
  now += 86_400_000;
  using later = await RawClient.authenticated(sandbox);
  expect(await send(later, sandbox, undefined, two)).toMatch(/^250 /);
});

describe('repeated errors', () => {
  test('throttle the whole mailbox for a time, good messages included', async () => {
    let now = START;
    await using sandbox = await createSandbox({
      now: () => now,
      ...limited({ repeatedErrors: 3, throttleTime: 1_800_000 }),
    });
    using client = await RawClient.authenticated(sandbox);
    const denied = () => send(client, sandbox, 'other@contoso.com');
    for (let count = 0; count < 2; count += 1) expect(await denied()).toMatch(/^554 5\.2\.252 SendAsDenied/);
    expect(await send(client, sandbox)).toMatch(/^250 /);
    for (let count = 0; count < 3; count += 1) expect(await denied()).toMatch(/^554 5\.2\.252 SendAsDenied/);
    expect(await send(client, sandbox)).toMatch(
      /^550 5\.2\.252 Sender throttled due to continuous send as denied errors\. /,
    );
    now += 1_800_000;
    expect(await send(client, sandbox)).toMatch(/^250 /);
  });

  test('of a full mailbox and of a missing licence have numbers of their own', async () => {
    await using full = await createSandbox(limited({ repeatedErrors: 1 }, { quota: 100 }));
    using client = await RawClient.authenticated(full);
    for (let count = 0; count < 2; count += 1) expect(await send(client, full)).toMatch(/^250 /);
    expect(await send(client, full)).toMatch(/^554 5\.2\.2 mailbox full; STOREDRV\.Submission/);
    expect(await send(client, full)).toMatch(/^550 5\.2\.251 Sender throttled due to continuous mailbox full errors/);
    await using bare = await createSandbox(limited({ repeatedErrors: 1 }, { licensed: false }));
    using other = await RawClient.authenticated(bare);
    expect(await send(other, bare)).toMatch(/^430 4\.2\.0 STOREDRV; mailbox logon failure/);
    expect(await send(other, bare)).toMatch(/^550 5\.2\.253 Sender throttled due to continuous invalid license errors/);
  });
});

test('recipients refused again and again throttle a mailbox, too', async () => {
  await using sandbox = await createSandbox({
    smtp: { limits: { repeatedErrors: 2 }, maxRecipients: 1, unknownRecipients: 'refuse' },
  });
  using client = await RawClient.authenticated(sandbox);
  const ghosts = ['a@contoso.com', 'b@contoso.com', 'ada@example.com'];
  expect(await send(client, sandbox, undefined, ghosts)).toMatch(
    /^550 5\.2\.255 Sender throttled due to continuous invalid recipients errors/,
  );
  await using other = await createSandbox({ smtp: { limits: { repeatedErrors: 2 }, maxRecipients: 1 } });
  using crowd = await RawClient.authenticated(other);
  expect(await send(crowd, other, undefined, ['a@example.com', 'b@example.com', 'c@example.com'])).toMatch(
    /^550 5\.2\.254 Sender throttled due to continuous too many recipients errors/,
  );
});

describe('time', () => {
  test('a right granted or taken is not noticed at once', async () => {
    let now = START;
    await using sandbox = await createSandbox({
      now: () => now,
      smtp: { propagationDelay: 3_600_000 },
      tenants: [{ apps: [{ fullAccess: false, servicePrincipal: false }] }],
    });
    const [tenant] = sandbox.directory.current.tenants;
    const { clientId, objectId = '' } = { ...tenant?.enterpriseApps[0], clientId: sandbox.clientId };
    const auth = `AUTH XOAUTH2 ${xoauth2(sandbox.mailbox, await sandbox.entra.issue({ lifetime: 86_400_000 }))}`;
    using client = await RawClient.secure(sandbox);
    expect(await client.command(auth)).toMatch(/^535 /);
    sandbox.directory.update((directory) =>
      editTenant(directory, sandbox.tenantId, (one) => ({ ...one, servicePrincipals: [{ clientId, objectId }] })),
    );
    now += 3_599_999;
    expect(await client.command(auth)).toMatch(/^535 /);
    now += 1;
    expect(await client.command(auth)).toMatch(/^235 /);
    const grant = (fullAccess: string[]) =>
      sandbox.directory.update((directory) =>
        editMailbox(directory, sandbox.mailbox, (mailbox) => ({ ...mailbox, fullAccess })),
      );
    grant([objectId]);
    expect(await send(client, sandbox)).toMatch(/^430 4\.2\.0 /);
    now += 3_600_000;
    expect(await send(client, sandbox)).toMatch(/^250 /);
    grant([]);
    expect(await send(client, sandbox)).toMatch(/^250 /);
    now += 3_600_000;
    expect(await send(client, sandbox)).toMatch(/^430 4\.2\.0 /);
  });

  test('an idle session is ended, whether its client waits or comes back late', async () => {
    let now = START;
    await using sandbox = await createSandbox({ now: () => now, ...limited({ idleTime: 100 }) });
    using silent = await RawClient.open(sandbox);
    expect(await silent.reply()).toMatch(/^421 4\.4\.2 Connection timed out \[/);
    await silent.closed();
    await using patient = await createSandbox({ now: () => now, ...limited({ idleTime: 60_000 }) });
    using client = await RawClient.open(patient);
    now += 60_000;
    expect(await client.command('EHLO a')).toMatch(/^421 4\.4\.2 /);
    await client.closed();
  });

  test('a session that lasted too long ends with the next command', async () => {
    let now = START;
    await using sandbox = await createSandbox({ now: () => now, ...limited({ sessionTime: 1_255_000 }) });
    using client = await RawClient.open(sandbox);
    expect(await client.command('EHLO a')).toMatch(/^250/);
    now += 1_255_678;
    expect(await client.command('NOOP')).toMatch(
      /^421 4\.4\.1 Connection timed out\. Total session duration: 00:20:55\.678 \[/,
    );
    await client.closed();
  });

  test('bad commands are answered later and later', async () => {
    await using sandbox = await createSandbox(limited({ tarpit: 20 }));
    using client = await RawClient.open(sandbox);
    await client.command('FROB');
    await client.command('FROB');
    await client.command('NOOP');
    const at = sandbox.sessions[0]?.entries.filter(({ from }) => from !== 'note').map((entry) => entry.at) ?? [];
    const waits = [2, 4, 6].map((index) => (at[index] ?? 0) - (at[index - 1] ?? 0));
    expect(waits[0]).toBeGreaterThan(18);
    expect(waits[1]).toBeGreaterThan(38);
    expect(waits[2]).toBeLessThan(18);
  });
});

describe('rights', () => {
  const shared: SandboxOptions = {
    tenants: [{ mailboxes: ['a@contoso.com', 'b@contoso.com'], apps: [{ roleScope: ['a@contoso.com'] }] }],
  };

  test('a role assignment lets an app in for the mailboxes in its scope, without role or FullAccess', async () => {
    await using sandbox = await createSandbox(shared);
    const { body } = await requestToken(sandbox);
    const token = String(body['access_token']);
    await mailer(sandbox, token).sendMail({ from: sandbox.mailbox, to: 'ada@example.com' });
    expect(sandbox.inbox.messages).toHaveLength(1);
    using client = await RawClient.secure(sandbox);
    expect(await client.command(`AUTH XOAUTH2 ${xoauth2('b@contoso.com', token)}`)).toMatch(/^535 5\.7\.3 /);
    const notes = sandbox.sessions.at(-1)?.entries.filter(({ from }) => from === 'note');
    expect(notes?.at(-1)?.text).toContain("b@contoso.com is not in the scope of the app's role assignment");
  });

  test('with SMTP.SendAsApp in the token, the mailbox is looked at all the same', async () => {
    await using sandbox = await createSandbox(shared);
    const token = await sandbox.entra.issue({ claims: { roles: ['SMTP.SendAsApp'] } });
    using client = await RawClient.authenticated(sandbox, token);
    expect(await send(client, sandbox)).toMatch(/^430 4\.2\.0 /);
  });

  test('nobody gets into a locked mailbox, nobody by password into a tenant with security defaults', async () => {
    await using sandbox = await createSandbox({
      tenants: [{ securityDefaults: true, mailboxes: [{ address: 'noreply@contoso.com', locked: true }] }],
    });
    using client = await RawClient.secure(sandbox);
    const token = await sandbox.entra.issue();
    expect(await client.command(`AUTH XOAUTH2 ${xoauth2(sandbox.mailbox, token)}`)).toMatch(
      /^550 Mailbox cannot be accessed \[/,
    );
    await client.command('AUTH LOGIN');
    await client.command(Buffer.from(sandbox.mailbox).toString('base64'));
    expect(await client.command('cGFzcw==')).toMatch(
      /^535 5\.7\.139 Authentication unsuccessful, user is locked by your organization's security defaults policy/,
    );
  });

  test('mail from an alias shows the primary address, unless the organization keeps aliases', async () => {
    const alias = 'News@contoso.com';
    for (const sendFromAlias of [false, true]) {
      await using sandbox = await createSandbox({
        tenants: [{ sendFromAlias, mailboxes: [{ address: 'noreply@contoso.com', aliases: [alias] }] }],
      });
      const transport = mailer(sandbox, await sandbox.entra.issue());
      await transport.sendMail({ from: `News <${alias}>`, to: 'ada@example.com', text: `${alias} writes` });
      const [message] = sandbox.inbox.messages;
      expect(message?.from).toEqual([{ name: 'News', address: sendFromAlias ? alias : 'noreply@contoso.com' }]);
      expect((await message?.parse())?.text).toBe(`${alias} writes\n`);
    }
  });
});
