// Faults by one word: every name there is strikes; words in addresses do the same.
import { describe, expect, test } from 'vitest';
import { createSandbox, type FaultPoint, FAULTS, type FaultWord, type Sandbox } from '../src/index.ts';
import { fetchToken, mailer, RawClient, requestToken, xoauth2 } from './clients.ts';

const HVE_ACCOUNT = 'bulk@contoso.com';

const start = () => createSandbox({ tenants: [{ mailboxes: ['noreply@contoso.com'], hve: [HVE_ACCOUNT] }] });

/** What a session says up to a point, one step after the other; the last is the point's own. */
function stepsTo(sandbox: Sandbox, point: FaultPoint, on: 'exchange' | 'hve') {
  const user = on === 'hve' ? HVE_ACCOUNT : sandbox.mailbox;
  const audience = on === 'hve' ? 'https://outlook.office.com' : 'https://outlook.office365.com';
  const message: [FaultPoint, string | (() => Promise<string>)][] = [
    ['MAIL', `MAIL FROM:<${user}>`],
    ['RCPT', 'RCPT TO:<ada@contoso.com>'],
    ['BDAT', 'BDAT 5\r\nSub'],
    ['RSET', 'RSET'],
    ['NOOP', `MAIL FROM:<${user}>`],
    ['NOOP', 'RCPT TO:<ada@contoso.com>'],
    ['DATA', 'DATA'],
    ['MESSAGE', `From: ${user}\r\nSubject: fault\r\n.`],
    ['QUIT', 'QUIT'],
  ];
  const steps: [FaultPoint, string | (() => Promise<string>)][] = [
    ['AUTH', async () => `AUTH XOAUTH2 ${xoauth2(user, await sandbox.entra.issue({ audience }))}`],
    ...message,
  ];
  return steps.slice(0, steps.findIndex(([at]) => at === point) + 1).map(([, line]) => line);
}

/** Goes to the point where a fault was set; returns what is said there, `''` for the end of the connection. */
async function meet(sandbox: Sandbox, point: FaultPoint, on: 'exchange' | 'hve' = 'exchange'): Promise<string> {
  const { port } = on === 'hve' ? sandbox.hve.smtp : sandbox.smtp;
  using client = RawClient.dial(sandbox, port);
  const greeting = await client.reply();
  if (point === 'GREETING') return greeting || client.unread;
  const hello = await client.command('EHLO client.test');
  if (point === 'EHLO') return hello;
  const go = await client.command('STARTTLS');
  if (point === 'STARTTLS') return go;
  await client.startTls(sandbox);
  await client.command('EHLO client.test');
  let said = '';
  for (const line of stepsTo(sandbox, point, on)) {
    said = await client.command(typeof line === 'string' ? line : await line());
  }
  return said || client.unread;
}

const named = FAULTS.filter(
  ({ name }) => !name.startsWith('slow-') && !name.endsWith('-hangs') && name !== 'no-greeting',
);
const smtpFaults = named.flatMap((one) => (one.on === 'entra' ? [] : [one]));

describe('by name', () => {
  test('every name is told in a sentence, and is a name of one fault only', () => {
    expect(new Set(FAULTS.map(({ name }) => name)).size).toBe(FAULTS.length);
    for (const { name, says } of FAULTS) {
      expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(says, name).toMatch(/^[A-Z0-9].*\.$|Retry-After: 5\.$/);
    }
  });

  const replying = smtpFaults.filter(({ fault }) => fault.reply !== undefined && fault.hang === undefined);
  test.each(replying.map((one) => [one.name, one] as const))('%s: its reply comes at its point', async (name, one) => {
    await using sandbox = await start();
    sandbox.fault(name as FaultWord);
    const [first = ''] = String(one.fault.reply).split('[server time session]');
    expect(await meet(sandbox, one.point, one.on)).toMatch(first.trim());
    expect(sandbox.faults).toEqual([]);
    expect(sandbox.sessions[0]?.entries.map(({ text }) => text).join('\n')).not.toContain('[server time session]');
  });

  const closing = smtpFaults.filter(({ fault }) => fault.close !== undefined && fault.reply === undefined);
  test.each(closing.map((one) => [one.name, one] as const))('%s: the connection ends there', async (name, one) => {
    await using sandbox = await start();
    sandbox.fault(name as FaultWord);
    expect(await meet(sandbox, one.point, one.on)).toBe(one.fault.raw ?? '');
    expect(sandbox.inbox.messages).toHaveLength(one.point === 'MESSAGE' ? 1 : 0);
  });

  test.each([
    'tls-hangs',
    'no-greeting',
    'login-hangs',
    'mail-hangs',
    'data-hangs',
    'message-hangs',
    'quit-hangs',
  ] as const)('%s: nothing more is said, and the connection stays', async (name) => {
    await using sandbox = await start();
    sandbox.fault(name);
    const fault = FAULTS.find((one) => one.name === name);
    const point = fault?.on === 'exchange' ? fault.point : 'QUIT';
    const met = meet(sandbox, point);
    while (sandbox.faults.length > 0) await new Promise(setImmediate);
    expect(sandbox.sessions[0]?.open).toBe(true);
    await sandbox.close();
    expect(await met).toBe(name === 'tls-hangs' ? '220 2.0.0 SMTP server ready' : '');
  });

  test('a reply byte by byte, a second reply, one slipped in before TLS', async () => {
    await using sandbox = await start();
    sandbox.fault('drip');
    expect(await meet(sandbox, 'EHLO')).toMatch(/^250-AM0[^]*250 SMTPUTF8$/);
    sandbox.fault('two-replies');
    expect(await meet(sandbox, 'MESSAGE')).toBe('250 2.0.0 OK');
    sandbox.fault('bytes-before-tls');
    using client = await RawClient.open(sandbox);
    await client.command('EHLO a');
    expect([await client.command('STARTTLS'), await client.reply()]).toEqual([
      '220 2.0.0 SMTP server ready',
      '250 2.0.0 injected',
    ]);
  });

  test.each([
    ['wrong-certificate', "Hostname/IP does not match certificate's altnames"],
    ['untrusted-certificate', /self-signed|unable to (?:get local issuer|verify)/],
  ] as const)('%s: a client that looks at certificates goes away', async (name, message) => {
    await using sandbox = await start();
    sandbox.fault(name);
    const transport = mailer(sandbox, await sandbox.entra.issue());
    await expect(transport.verify()).rejects.toThrow(message);
    await expect(transport.verify()).resolves.toBe(true);
  });

  const entra = named.flatMap((one) => (one.on === 'entra' && one.fault.status === undefined ? [one] : []));
  test.each(entra.filter(({ fault }) => fault.aadsts).map((one) => [one.name, one.fault.aadsts] as const))(
    '%s: the token endpoint says AADSTS%i',
    async (name, number) => {
      await using sandbox = await start();
      sandbox.fault(name as FaultWord);
      expect((await requestToken(sandbox)).body['error_codes']).toEqual([number]);
      expect((await requestToken(sandbox)).status).toBe(200);
    },
  );

  test('the token endpoint does what it is told: status, headers, what is no JSON, reset, silence', async () => {
    await using sandbox = await start();
    const answer = async (name: FaultWord) => {
      sandbox.fault(name);
      const response = await fetch(sandbox.tokenEndpoint, { method: 'POST', redirect: 'manual' });
      return [response.status, response.headers.get('retry-after'), (await response.text()).slice(0, 6)];
    };
    expect(await answer('token-unavailable')).toEqual([503, '5', '{"erro']);
    expect(await answer('token-throttled')).toEqual([429, '5', '{"erro']);
    expect(await answer('token-gateway-error')).toEqual([502, null, '<html>']);
    expect(await answer('token-not-json')).toEqual([200, null, 'OK']);
    expect(await answer('token-empty')).toEqual([200, null, '{}']);
    expect(await answer('token-redirected')).toEqual([302, null, '']);
    await expect(answer('token-reset')).rejects.toThrow('fetch failed');
    const silence = answer('token-hangs');
    while (sandbox.tokenRequests.at(-1)?.status !== 0) await new Promise(setImmediate);
    await sandbox.close();
    await expect(silence).rejects.toThrow('fetch failed');
  });

  test('AADSTS numbers and replies are names as well, at every point', async () => {
    await using sandbox = await start();
    sandbox.fault('aadsts-7000229');
    expect((await requestToken(sandbox)).body['error_codes']).toEqual([7000229]);
    sandbox.fault('550-5.7.708');
    expect(await meet(sandbox, 'RCPT')).toMatch(/^550 5\.7\.708 The sandbox was asked for this reply \[AM0/);
    sandbox.fault('message-554-5.2.0');
    expect(await meet(sandbox, 'MESSAGE')).toMatch(/^554 5\.2\.0 /);
    sandbox.fault('greeting-421');
    expect(await meet(sandbox, 'GREETING')).toMatch(/^421 The sandbox/);
  });

  test('they strike as often as asked, on the server asked for, until they are cleared', async () => {
    await using sandbox = await start();
    sandbox.fault('too-many-connections', { times: 2, on: 'hve' });
    sandbox.fault('token-throttled', { times: Infinity });
    expect(sandbox.faults).toEqual([
      { id: 'entra-1', on: 'entra', point: 'TOKEN', name: 'token-throttled', left: Infinity },
      { id: 'hve-1', on: 'hve', point: 'AUTH', name: 'too-many-connections', left: 2 },
    ]);
    expect(await meet(sandbox, 'AUTH')).toMatch(/^235 /);
    expect(await meet(sandbox, 'AUTH', 'hve')).toMatch(/^432 /);
    expect([(await requestToken(sandbox)).status, (await requestToken(sandbox)).status]).toEqual([429, 429]);
    expect(sandbox.faults.map(({ left }) => left)).toEqual([Infinity, 1]);
    sandbox.clearFaults();
    expect(await meet(sandbox, 'AUTH', 'hve')).toMatch(/^235 /);
    expect((await requestToken(sandbox)).status).toBe(200);
  });

  test('what is no name is said at once', async () => {
    await using sandbox = await start();
    const wrong = (name: string, options = {}) => sandbox.fault(name as FaultWord, options);
    expect(() => wrong('no-such-fault')).toThrow('there is no fault "no-such-fault"; there are: token-hangs, ');
    expect(() => wrong('aadsts-1')).toThrow(TypeError);
    expect(() => wrong('nowhere-550-5.1.1')).toThrow(TypeError);
    expect(() => wrong('250-2.0.0')).toThrow(TypeError);
    expect(() => wrong('token-hangs', { on: 'hve' })).toThrow('token-hangs is a fault of Entra ID');
    expect(sandbox.faults).toEqual([]);
  });
});

describe('by address', () => {
  const send = async (sandbox: Sandbox, to: string | string[], from = sandbox.mailbox) => {
    const transport = mailer(sandbox, await fetchToken(sandbox));
    return transport.sendMail({ from, to, subject: 'fault' });
  };

  test('a recipient is refused, the others get the mail, and the next mail is as any other', async () => {
    await using sandbox = await start();
    const { rejected, accepted } = await send(sandbox, ['fault+recipient-not-found@example.com', 'ada@example.com']);
    expect({ rejected, accepted }).toEqual({
      rejected: ['fault+recipient-not-found@example.com'],
      accepted: ['ada@example.com'],
    });
    await send(sandbox, 'ada@example.com');
    expect(sandbox.inbox.messages).toHaveLength(2);
    expect(sandbox.faults).toEqual([]);
  });

  test('at fault.test the word is all there is before the @', async () => {
    await using sandbox = await start();
    await expect(send(sandbox, '550-5.7.708@fault.test')).rejects.toMatchObject({ responseCode: 550 });
    await expect(send(sandbox, 'Mailbox-Full@Fault.Test')).rejects.toMatchObject({
      response: expect.stringMatching(/^554 5\.2\.2 mailbox full/),
    });
    expect(sandbox.inbox.messages).toEqual([]);
  });

  test('a fault whose point comes later strikes this message, and no other session’s', async () => {
    await using sandbox = await start();
    using client = await RawClient.authenticated(sandbox);
    await client.command(`MAIL FROM:<${sandbox.mailbox}>`);
    await client.command('RCPT TO:<fault+disconnect-after-dot@example.com>');
    await send(sandbox, 'ada@example.com');
    await client.command('DATA');
    expect(await client.command('Subject: lost\r\n.')).toBe('');
    expect(sandbox.inbox.messages.map(({ subject }) => subject)).toEqual(['fault', 'lost']);
  });

  test('a message that was given up takes its faults with it', async () => {
    await using sandbox = await start();
    using client = await RawClient.authenticated(sandbox);
    const say = (...lines: string[]) =>
      lines.reduce(async (before, line) => (await before, client.command(line)), Promise.resolve(''));
    await say(`MAIL FROM:<${sandbox.mailbox}>`, 'RCPT TO:<mailbox-full@fault.test>', 'RSET');
    await say(`MAIL FROM:<${sandbox.mailbox}>`, 'RCPT TO:<ada@example.com>', 'DATA');
    expect(await client.command('Subject: a\r\n.')).toMatch(/^250 /);
  });

  test('a sender asks for faults of MAIL, a login for those of AUTH', async () => {
    await using sandbox = await start();
    await expect(send(sandbox, 'ada@example.com', 'fault+server-busy@contoso.com')).rejects.toMatchObject({
      response: expect.stringMatching(/^451 4\.7\.500 /),
    });
    const login = mailer(sandbox, await fetchToken(sandbox), 'fault+smtp-auth-disabled-for-tenant@contoso.com');
    await expect(login.verify()).rejects.toMatchObject({ response: expect.stringMatching(/disabled for the Tenant/) });
    expect(await meet(sandbox, 'AUTH')).toMatch(/^235 /);
  });

  test('a fault whose point is over strikes the next time: the next connection, the next token, the next mail', async () => {
    await using sandbox = await start();
    const over = ['service-not-active', 'token-throttled', 'server-busy'];
    await send(
      sandbox,
      over.map((name) => `fault+${name}@example.com`),
    );
    expect(sandbox.inbox.messages).toHaveLength(1);
    expect(await meet(sandbox, 'GREETING')).toMatch(/^421 4\.3\.2 /);
    expect((await requestToken(sandbox)).status).toBe(429);
    expect(await meet(sandbox, 'MAIL')).toMatch(/^451 4\.7\.500 /);
  });

  test('a word that stands for nothing is refused with that word', async () => {
    await using sandbox = await start();
    await expect(send(sandbox, 'fault+no-such-thing@example.com')).rejects.toMatchObject({
      response: expect.stringMatching(/^550 5\.1\.1 The sandbox has no fault "no-such-thing" \[/),
    });
    await send(sandbox, ['fault@example.com', 'default+token-hangs@example.com']);
    expect(sandbox.faults).toEqual([]);
  });
});
