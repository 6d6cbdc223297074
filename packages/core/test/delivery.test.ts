// What arrives is what was handed over: lone CR and LF become CRLF, and nothing else changes.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Readable } from 'node:stream';
import { type Sandbox, createSandbox } from '@mailgrant/sandbox';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Mailer, type MessageBody, clientCredentials, createMailer, lentPieces } from '../src/index.ts';
import { WIRE_LEVELS, type WireLevel } from '../src/smtp/wire-ladder.ts';

let sandbox: Sandbox;
const mailers = new Map<WireLevel, Mailer>();
beforeAll(async () => {
  // A mailer for each wire level: more connections than Exchange would allow.
  sandbox = await createSandbox({ smtp: { limits: { connections: Infinity, recipientsPerDay: Infinity } } });
  const { tokenEndpoint, clientId, clientSecret, scope, smtp, ca, mailbox } = sandbox;
  const token = clientCredentials({ tokenEndpoint, clientId, clientSecret, scope });
  const limits = { connections: 1, messagesPerMinute: undefined, recipientsPerDay: undefined };
  for (const wire of WIRE_LEVELS) {
    mailers.set(wire, createMailer({ provider: 'microsoft365', ...smtp, ca, user: mailbox, token, limits, wire }));
  }
});
afterAll(async () => {
  await Promise.all([...mailers.values()].map((mailer) => mailer.close()));
  await sandbox.close();
});

/** Sends and returns what arrived, a character for each byte. */
async function deliver(wire: WireLevel, message: MessageBody, binary = false): Promise<string> {
  const envelope = { from: sandbox.mailbox, to: ['someone@example.com'] };
  await mailers.get(wire)?.send({ envelope, message, binary });
  return Buffer.from(sandbox.inbox.messages.at(-1)?.raw ?? 'nothing arrived').toString('latin1');
}

/** By DATA a message cannot but end with a line end. */
const expected = (wire: WireLevel, text: string): string => {
  const lines = text.replace(/\r\n|\r|\n/g, '\r\n');
  const counted = wire === 'chunked' || wire === 'one-flight';
  return counted || lines === '' || lines.endsWith('\r\n') ? lines : `${lines}\r\n`;
};
const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');

const BODIES: readonly [string, string][] = [
  ['nothing at all', ''],
  ['an empty line', '\r\n'],
  ['no line end at the end', 'Subject: x\r\n\r\nhello'],
  ['a lone dot', 'Subject: x\r\n\r\n.\r\n'],
  ['nothing but dots', '.\r\n..\r\n...\r\n'],
  ['a lone dot at the end, no line end', 'x\r\n.'],
  ['lines that start with dots', 'Subject: x\r\n\r\n.hidden\r\n..two\r\nx.y\r\n'],
  ['lone LF', 'Subject: x\n\nhello\n.\nbye\n'],
  ['lone CR', 'Subject: x\r\rhello\r.\rbye\r'],
  ['CR CR LF and LF CR', 'a\r\r\nb\n\rc\r\n'],
  ['commands that want out', 'x\r\n.\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n'],
  ['commands behind a lone LF', 'x\n.\nMAIL FROM:<a@b>\n'],
  ['commands behind a lone CR', 'x\r.\rMAIL FROM:<a@b>\r'],
  ['commands behind half a line end', 'x\n.\r\nMAIL FROM:<a@b>\r\n'],
  ['8-bit text', 'Subject: gr\xfc\xdfe\r\n\r\n\xe4\xf6\xfc \xe2\x82\xac\r\n'],
  ['NUL and control characters', 'a\0b\x01\x1b[31m\x7f\r\n'],
  ['a line of 5,000 characters', `${'x'.repeat(5_000)}\r\n`],
  ['100 kB in one piece', `${'0123456789'.repeat(7)}\r\n.\n\r`.repeat(1_400)],
];

describe.each(WIRE_LEVELS)('%s', (wire) => {
  test.each(BODIES)('%s arrives as it was', async (_, body) => {
    expect(await deliver(wire, bytes(body))).toBe(expected(wire, body));
    expect(await deliver(wire, [bytes(body)])).toBe(expected(wire, body));
  });
});

test('a long message in pieces of one byte arrives as it was', async () => {
  const body = `Subject: x\r\n\r\n${`${'x'.repeat(76)}\r\n`.repeat(4_000)}`;
  const pieces = Array.from(bytes(body), (byte) => Uint8Array.of(byte));
  expect(await deliver('chunked', pieces, true)).toBe(body);
});

/** Pieces that share their memory: each is overwritten as soon as the next is asked for. */
async function* shared(text: string, length: number): AsyncGenerator<Uint8Array> {
  const memory = Buffer.alloc(length);
  for (let at = 0; at < text.length; at += length) {
    yield memory.subarray(0, memory.write(text.slice(at, at + length), 'latin1'));
    memory.fill('?');
  }
}

describe.each(WIRE_LEVELS)('%s, from memory that is used again for each piece', (wire) => {
  // Around what is copied, what the socket holds at a time and what makes a chunk.
  test.each([100, 8_191, 8_192, 65_535, 65_536, 200_000])('of %i bytes', async (length) => {
    const body = Array.from({ length: 30_000 }, (_, i) => `line ${i} `.padEnd(70, 'x') + '\r\n').join('');
    expect(await deliver(wire, shared(body, length))).toBe(body);
  });
});

test('a stream that can lend its pieces is read so, and ended', async () => {
  const stream = Readable.from(['what others read']);
  const lent = Object.assign(stream, { [lentPieces]: () => shared('what the mailer reads\r\n', 5) });
  expect(await deliver('grouped', lent)).toBe('what the mailer reads\r\n');
});

test('text is sent as UTF-8, whole characters even where a piece ends within one', async () => {
  const text = 'Subject: grüße 🙂\r\n\r\n🙂🙂\r\n';
  const utf8 = Buffer.from(text).toString('latin1');
  expect(await deliver('grouped', text)).toBe(utf8);
  expect(await deliver('grouped', text.split(''))).toBe(utf8);
  expect(await deliver('grouped', Readable.from(text.split(''), { objectMode: true }))).toBe(utf8);
});

test('a binary message arrives untouched', async () => {
  const body = 'a\nb\rc\r\n.\r\n\0\xff';
  for (const wire of WIRE_LEVELS) {
    expect(await deliver(wire, bytes(body), true)).toBe(body);
    expect(await deliver(wire, [bytes(body)], true)).toBe(body);
  }
});

const text = fc
  .array(fc.constantFrom('\r', '\n', '.', 'a', '\r\n', '\r\n.\r\n', '\n.\n', '\xe4', '\0', 'a longer piece of text'), {
    maxLength: 40,
  })
  .map((parts) => parts.join(''));

test('every chunking of every message arrives the same', async () => {
  const property = fc.asyncProperty(
    fc.constantFrom(...WIRE_LEVELS),
    text,
    fc.array(fc.nat(80), { maxLength: 8 }),
    fc.constantFrom('array', 'generator', 'readable'),
    async (wire, body, cuts, form) => {
      const edges = [0, ...cuts.map((cut) => Math.min(cut, body.length)).sort((a, b) => a - b), body.length];
      const pieces = edges.slice(1).map((edge, i) => bytes(body.slice(edges[i], edge)));
      const message =
        form === 'array'
          ? pieces
          : form === 'readable'
            ? Readable.from(pieces)
            : (async function* () {
                yield* pieces;
              })();
      expect(await deliver(wire, message)).toBe(expected(wire, body));
    },
  );
  await fc.assert(property, { numRuns: 150 });
});

test.each(['grouped', 'chunked'])(
  '20 MB streamed (%s): the sender grows by less than 32 MB',
  async (wire) => {
    const { tokenEndpoint, clientId, clientSecret, scope, smtp, ca, mailbox } = sandbox;
    const given = JSON.stringify({ tokenEndpoint, clientId, clientSecret, scope, smtp, ca, mailbox });
    const sender = fileURLToPath(new URL('./large-sender.ts', import.meta.url));
    const args = ['--no-warnings', '--expose-gc', sender, given, wire];
    const { stdout } = await promisify(execFile)(process.execPath, args, { env: { ...process.env, NODE_OPTIONS: '' } });
    expect((JSON.parse(stdout) as { growth: number }).growth).toBeLessThan(32 * 1024 * 1024);
    const raw = sandbox.inbox.messages.at(-1)?.raw ?? new Uint8Array();
    expect(raw.length).toBeGreaterThan(20 * 1024 * 1024);
    expect(Buffer.from(raw).subarray(-78).toString()).toBe(`${'A'.repeat(76)}\r\n`);
  },
  30_000,
);
