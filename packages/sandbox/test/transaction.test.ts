import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSandbox, editMailbox, type Sandbox, type SandboxOptions } from '../src/index.ts';
import { RawClient } from './clients.ts';

const OK = /^250 2\.0\.0 OK <\S+@\S+> \[Hostname=\S+\]$/;
const source = ({ inbox }: Sandbox, index = -1) => Buffer.from(inbox.messages.at(index)?.raw ?? []).toString('latin1');

async function deliver(
  client: RawClient,
  sandbox: Sandbox,
  text: string | Uint8Array,
  mail = '',
  from = sandbox.mailbox,
) {
  const before = await pipelined(client, [`MAIL FROM:<${from}>${mail}`, 'RCPT TO:<ada@example.com>', 'DATA']);
  if (!before.at(-1)?.startsWith('354')) return before.at(-1) ?? '';
  client.write(text);
  client.write('.\r\n');
  return client.reply();
}

async function pipelined(client: RawClient, lines: readonly string[]) {
  client.write(lines.map((line) => `${line}\r\n`).join(''));
  return client.replies(lines.length);
}

describe('a message', () => {
  test.each([
    ['nothing', '', ''],
    ['a header and no body', 'Subject: a\r\n', 'Subject: a\r\n'],
    ['dots', '..\r\n...\r\n..x\r\n', '.\r\n..\r\n.x\r\n'],
    [
      'every byte above ASCII',
      Buffer.concat([Buffer.from(Array.from({ length: 128 }, (_, i) => i + 128)), Buffer.from('\r\n')]),
      undefined,
    ],
    ['NUL and other controls', '\0\x01\x7f\r\n', '\0\x01\x7f\r\n'],
    ['a very long line', `${'x'.repeat(100_000)}\r\n`, `${'x'.repeat(100_000)}\r\n`],
  ])('of %s is stored byte for byte', async (_, sent, stored) => {
    await using sandbox = await createSandbox();
    using client = await RawClient.authenticated(sandbox);
    expect(await deliver(client, sandbox, sent)).toMatch(OK);
    expect(source(sandbox)).toBe(stored ?? Buffer.from(sent).toString('latin1'));
  });

  test.each(['a\nb\r\n', 'a\rb\r\n', 'a\n.\nb\r\n', 'a\n.\r\nb\r\n'])(
    'with a bare line end is refused: %j',
    async (text) => {
      await using sandbox = await createSandbox();
      using client = await RawClient.authenticated(sandbox);
      expect(await deliver(client, sandbox, text)).toMatch(/^550 5\.6\.11 Invalid characters/);
      expect(sandbox.inbox.messages).toEqual([]);
      expect(await deliver(client, sandbox, 'Subject: next\r\n')).toMatch(OK);
    },
  );

  test('with a bare line end is kept as it is where asked for', async () => {
    await using sandbox = await createSandbox({ smtp: { bareLineEnds: 'keep' } });
    using client = await RawClient.authenticated(sandbox);
    expect(await deliver(client, sandbox, 'a\n.\nb\rc\r\n')).toMatch(OK);
    expect(source(sandbox)).toBe('a\n.\nb\rc\r\n');
  });

  test('larger than the limit is refused, by its declared size and by its real one', async () => {
    await using sandbox = await createSandbox({ smtp: { maxSize: 1000 } });
    using client = await RawClient.authenticated(sandbox);
    expect(await client.command('EHLO again')).toContain('250-SIZE 1000');
    const tooLarge = '552 5.3.4 Message size exceeds fixed maximum size';
    expect(await client.command(`MAIL FROM:<${sandbox.mailbox}> SIZE=1001`)).toBe(tooLarge);
    expect(await deliver(client, sandbox, `${'x'.repeat(999)}\r\n`)).toBe(tooLarge);
    expect(await deliver(client, sandbox, `${'x'.repeat(998)}\r\n`, ' SIZE=1000')).toMatch(OK);
    expect(sandbox.inbox.messages).toHaveLength(1);
  });

  test('of 25 MB is taken by DATA and by BDAT', { timeout: 20_000 }, async () => {
    await using sandbox = await createSandbox();
    using client = await RawClient.authenticated(sandbox);
    const line = `${randomBytes(57).toString('base64')}\r\n`;
    const text = Buffer.from(line.repeat(Math.ceil(25_000_000 / line.length)));
    expect(await deliver(client, sandbox, text)).toMatch(OK);
    await pipelined(client, [`MAIL FROM:<${sandbox.mailbox}>`, 'RCPT TO:<ada@example.com>']);
    client.write(`BDAT ${text.length} LAST\r\n`);
    client.write(text);
    expect(await client.reply()).toMatch(OK);
    for (const { raw } of sandbox.inbox.messages) expect(text.equals(raw)).toBe(true);
  });
});

describe('the envelope', () => {
  test('takes the parameters Exchange offers, and no others', async () => {
    await using sandbox = await createSandbox();
    using client = await RawClient.authenticated(sandbox);
    const mail = (rest: string) => `MAIL FROM:<${sandbox.mailbox}>${rest}`;
    expect(
      await pipelined(client, [
        mail(' BODY=8BITMIME SMTPUTF8 SIZE=12 RET=HDRS ENVID=abc'),
        'RCPT TO:<grün@bücher.example> NOTIFY=FAILURE,DELAY ORCPT=rfc822;ada@example.com',
        'RCPT TO:<ada@example.com> FOO=bar',
        'RSET',
        mail(' FOO'),
        mail(' BODY=9BIT'),
        mail(' SIZE=many'),
        'MAIL FROM:<grün@contoso.com>',
        'MAIL FROM:broken',
        'MAIL TO:<a@b.c>',
        mail(''),
        mail(''),
        'RCPT TO:<grün@contoso.com>',
        'RCPT TO:<>',
        'RCPT TO:<a@b.c>,<d@e.f>',
      ]),
    ).toEqual([
      '250 2.1.0 Sender OK',
      '250 2.1.5 Recipient OK',
      '501 5.5.4 Unrecognized parameter',
      '250 2.0.0 Resetting',
      '501 5.5.4 Unrecognized parameter',
      '501 5.5.4 Invalid arguments',
      '501 5.5.4 Invalid arguments',
      '501 5.1.7 Invalid address',
      '501 5.1.7 Invalid address',
      '501 5.5.4 Invalid arguments',
      '250 2.1.0 Sender OK',
      '503 5.5.2 Sender already specified',
      '501 5.1.3 Invalid address',
      '501 5.1.3 Invalid address',
      '501 5.1.3 Invalid address',
    ]);
  });

  test('needs its commands in order', async () => {
    await using sandbox = await createSandbox({ smtp: { maxRecipients: 2 } });
    using client = await RawClient.authenticated(sandbox);
    const rcpt = 'RCPT TO:<ada@example.com>';
    expect(
      await pipelined(client, [
        rcpt,
        'DATA',
        `MAIL FROM:<${sandbox.mailbox}>`,
        'DATA',
        'BDAT 0 LAST',
        'AUTH LOGIN',
        rcpt,
        rcpt,
        rcpt,
        'DATA x',
      ]),
    ).toEqual([
      '503 5.5.2 Need mail command',
      '503 5.5.2 Need mail command',
      '250 2.1.0 Sender OK',
      '503 5.5.2 Need rcpt command',
      '503 5.5.2 Need rcpt command',
      '503 5.5.1 Bad sequence of commands',
      '250 2.1.5 Recipient OK',
      '250 2.1.5 Recipient OK',
      '452 4.5.3 Too many recipients',
      '501 5.5.4 Invalid arguments',
    ]);
  });

  test('tells which recipients were refused, and delivers to the others', async () => {
    await using sandbox = await createSandbox({
      smtp: {
        unknownRecipients: 'refuse',
        refuse: [
          { match: 'busy@example.com', reply: '451 4.7.500 Server busy' },
          { match: /@blocked\.example$/i, reply: '550 5.7.1 Not here' },
        ],
      },
    });
    using client = await RawClient.authenticated(sandbox);
    const replies = await pipelined(client, [
      `MAIL FROM:<${sandbox.mailbox}>`,
      'RCPT TO:<nobody@contoso.com>',
      'RCPT TO:<Busy@Example.com>',
      'RCPT TO:<x@blocked.example>',
      'RCPT TO:<ada@example.com>',
      `RCPT TO:<${sandbox.mailbox}>`,
      'DATA',
    ]);
    expect(replies.map((reply) => reply.slice(0, 10))).toEqual([
      '250 2.1.0 ',
      '550 5.1.10',
      '451 4.7.50',
      '550 5.7.1 ',
      '250 2.1.5 ',
      '250 2.1.5 ',
      '354 Start ',
    ]);
    client.write('Subject: some\r\n.\r\n');
    expect(await client.reply()).toMatch(OK);
    const { envelope } = sandbox.inbox.messages[0] ?? {};
    expect(envelope?.to).toEqual(['ada@example.com', sandbox.mailbox]);
    expect(envelope?.refused.map(({ address, reply }) => [address, reply.slice(0, 3)])).toEqual([
      ['nobody@contoso.com', '550'],
      ['Busy@Example.com', '451'],
      ['x@blocked.example', '550'],
    ]);
  });
});

describe('CHUNKING', () => {
  test('chunks make one message, BINARYMIME keeps every byte, RSET forgets', async () => {
    await using sandbox = await createSandbox();
    using client = await RawClient.authenticated(sandbox);
    const envelope = [`MAIL FROM:<${sandbox.mailbox}> BODY=BINARYMIME`, 'RCPT TO:<ada@example.com>'];
    await pipelined(client, envelope);
    client.write('BDAT 3\r\nx\r\nBDAT 0\r\nRSET\r\n');
    expect(await client.replies(3)).toEqual([
      '250 2.6.0 CHUNK received OK, 3 octets',
      '250 2.6.0 CHUNK received OK, 0 octets',
      '250 2.0.0 Resetting',
    ]);
    await pipelined(client, envelope);
    client.write('BDAT 11\r\nSubject: a\rBDAT 7\r\n\n.\r\n\0\n\rDATA\r\nRCPT TO:<b@c.d>\r\nBDAT 2 LAST\r\n..');
    expect(await client.replies(4)).toEqual([
      '250 2.6.0 CHUNK received OK, 11 octets',
      '250 2.6.0 CHUNK received OK, 7 octets',
      '503 5.5.1 Bad sequence of commands',
      '503 5.5.2 Need mail command',
    ]);
    expect(await client.reply()).toMatch(OK);
    expect(source(sandbox)).toBe('Subject: a\r\n.\r\n\0\n\r..');
  });

  test('a chunk nobody asked for is read and refused', async () => {
    await using sandbox = await createSandbox();
    using client = await RawClient.authenticated(sandbox);
    client.write('BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n');
    expect(await client.replies(2)).toEqual(['503 5.5.2 Need mail command', '250 2.0.0 OK']);
  });

  test('too many bytes are refused and none kept', async () => {
    await using sandbox = await createSandbox({ smtp: { maxSize: 10 } });
    using client = await RawClient.authenticated(sandbox);
    await pipelined(client, [`MAIL FROM:<${sandbox.mailbox}>`, 'RCPT TO:<ada@example.com>']);
    client.write(`BDAT 11\r\n${'x'.repeat(11)}BDAT 0 LAST\r\n`);
    expect(await client.replies(2)).toEqual([
      '552 5.3.4 Message size exceeds fixed maximum size',
      '503 5.5.2 Need mail command',
    ]);
  });
});

describe('rights are looked at only when the message is there', () => {
  test('without FullAccess it is 430, and mail flows as soon as it is granted', async () => {
    await using sandbox = await createSandbox({ tenants: [{ apps: [{ fullAccess: false }] }] });
    using client = await RawClient.authenticated(sandbox);
    expect(await deliver(client, sandbox, 'Subject: a\r\n')).toMatch(
      /^430 4\.2\.0 STOREDRV; mailbox logon failure; STOREDRV\.Submission\.Exception:ConnectionFailedTransientException\.MapiExceptionLogonFailed; /,
    );
    const objectId = sandbox.directory.current.tenants[0]?.enterpriseApps[0]?.objectId ?? '';
    sandbox.directory.update((now) =>
      editMailbox(now, sandbox.mailbox, (mailbox) => ({ ...mailbox, fullAccess: [objectId] })),
    );
    expect(await deliver(client, sandbox, 'Subject: a\r\n')).toMatch(OK);
  });

  const shared: SandboxOptions = {
    tenants: [
      {
        mailboxes: [
          { address: 'noreply@contoso.com', aliases: ['news@contoso.com'] },
          'sales@contoso.com',
          'ceo@contoso.com',
        ],
        apps: [{ sendAs: ['sales@contoso.com'] }],
      },
    ],
  };
  test.each([
    ['noreply@contoso.com', 'From: noreply@contoso.com', undefined],
    ['noreply@contoso.com', 'From: Contoso <NoReply@CONTOSO.com>', undefined],
    ['news@contoso.com', 'From: news@contoso.com', undefined],
    ['', 'Subject: no sender at all', undefined],
    ['sales@contoso.com', 'From: sales@contoso.com', undefined],
    ['ceo@contoso.com', 'From: noreply@contoso.com', 'ceo@contoso.com'],
    ['noreply@contoso.com', 'From: "noreply@contoso.com" <ceo@contoso.com>', 'ceo@contoso.com'],
    ['noreply@contoso.com', 'From: noreply@contoso.com, x@example.com', 'x@example.com'],
    ['noreply@contoso.com', 'From: noreply@contoso.com\r\nFrom: y@example.com', 'y@example.com'],
    ['noreply@contoso.com', 'From: noreply@contoso.com\r\nSender: z@example.com', 'z@example.com'],
  ])('MAIL FROM %s with %j: not allowed is %s', async (from, header, denied) => {
    await using sandbox = await createSandbox(shared);
    using client = await RawClient.authenticated(sandbox);
    const reply = await deliver(client, sandbox, `${header}\r\n\r\n`, '', from);
    if (denied === undefined) expect(reply).toMatch(OK);
    else {
      expect(reply).toMatch(/^554 5\.2\.252 SendAsDenied; /);
      expect(reply).toContain(`; noreply@contoso.com not allowed to send as ${denied}; STOREDRV.Submission.Exception`);
    }
  });
});

test('every way to cut the same bytes gives the same replies and the same mail', async () => {
  await using sandbox = await createSandbox();
  const script = Buffer.from(
    [
      'NOOP',
      `MAIL FROM:<${sandbox.mailbox}> SIZE=10`,
      'RCPT TO:<ada@example.com>',
      'RCPT TO:<bob>',
      'DATA',
      `From: ${sandbox.mailbox}\r\nSubject: cut\r\n\r\n..\r\n..x\r\n\r\n.`,
      `MAIL FROM:<${sandbox.mailbox}>`,
      'RCPT TO:<ada@example.com>',
      'BDAT 7',
      '\r\n.\r\n\r\nBDAT 3 LAST',
      'x\r\nRSET',
      'QUIT',
      '',
    ].join('\r\n'),
  );
  const run = async (cuts: readonly number[]) => {
    sandbox.inbox.clear();
    using client = await RawClient.authenticated(sandbox, token);
    const at = [0, ...cuts.toSorted((a, b) => a - b), script.length];
    for (const [index, end] of at.slice(1).entries()) {
      client.write(script.subarray(at[index], end));
      await new Promise(setImmediate); // one TLS record each
    }
    const replies = await client.replies(12);
    return {
      replies: replies.map((reply) => reply.replace(/<.*@.*>/, '<id>')),
      mail: sandbox.inbox.messages.map(({ raw }) => Buffer.from(raw).toString()),
    };
  };
  const token = await sandbox.entra.issue();
  const whole = await run([]);
  expect(whole.mail).toHaveLength(2);
  expect(whole.replies.at(-1)).toMatch(/^221 /);
  expect(await run(Array.from(script, (_, index) => index))).toEqual(whole);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(script.length), { maxLength: 12 }), async (cuts) => {
      expect(await run(cuts)).toEqual(whole);
    }),
    { numRuns: 25 },
  );
});
