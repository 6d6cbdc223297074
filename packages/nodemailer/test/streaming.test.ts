import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { open, unlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import PostalMime from 'postal-mime';
import { lentPieces } from '@mailgrant/core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { compose } from '../src/index.ts';
import { bytesOf, mail } from './helpers.ts';

const MB = 1024 * 1024;
let file: string;

beforeEach(async () => {
  file = join(tmpdir(), `mailgrant-${process.pid}-${Math.random().toString(36).slice(2)}.bin`);
  await writeFile(file, pattern(300_000));
});

afterEach(async () => {
  await unlink(file);
});

/** Bytes whose every part can be told from every other. */
function pattern(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i + 4 <= length; i += 4) bytes.writeUInt32BE(i, i);
  return bytes;
}

const attached = async (message: { message: Uint8Array | Readable }): Promise<Buffer> => {
  const { attachments } = await PostalMime.parse(await bytesOf(message));
  return Buffer.from(attachments[0]?.content as Uint8Array);
};

/** Answers every request with `content`; counts them. */
async function serve(content: Buffer) {
  const server = createServer((_request, response) => {
    served.requests += 1;
    response.end(content);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const served = {
    requests: 0,
    href: `http://127.0.0.1:${(server.address() as AddressInfo).port}/a.bin`,
    [Symbol.dispose]: () => server.close(),
  };
  return served;
}

test('attachments come through a stream, from bytes, text, streams, files and URLs alike', async () => {
  const content = pattern(300_000);
  using server = await serve(content);
  for (const attachment of [
    { content },
    { content: Readable.from([content]) },
    { content: content.toString('base64'), encoding: 'base64' },
    { path: file },
    { href: server.href },
  ]) {
    const composed = await compose(mail({ attachments: [attachment] }), { allowFiles: true, allowUrls: true });
    expect(composed.message).toBeInstanceOf(Readable);
    expect((await attached(composed)).equals(content)).toBe(true);
  }
});

test.each([
  ['a.csv', 'text/csv'],
  ['a.txt', 'text/plain; charset=utf-8'],
])('large text in %s keeps its characters whole, and its type', async (filename, type) => {
  const content = 'ä€😀\n'.repeat(60_000);
  for (const padding of ['', '.', '..', '...', '....']) {
    const text = padding + content;
    const message = await bytesOf(await compose(mail({ attachments: [{ filename, content: text }] })));
    expect(message.toString()).toContain(`Content-Type: ${type}; name=${filename}`);
    expect((await attached({ message })).equals(Buffer.from(text))).toBe(true);
  }
});

test('a file can be the whole message', async () => {
  await writeFile(file, 'From: a@example.com\n\nHi\n');
  const composed = await compose(
    { raw: { path: file }, from: 'a@example.com', to: 'b@example.org' },
    { allowFiles: true },
  );
  expect((await bytesOf(composed)).toString()).toBe('From: a@example.com\r\n\r\nHi\r\n');
});

test('a large file that is the whole message keeps its bytes', async () => {
  const text = Array.from({ length: 60_000 }, (_, i) => `line ${i}\r\n`).join('');
  await writeFile(file, `From: a@example.com\r\n\r\n${text}`);
  const composed = await compose(
    { raw: { path: file }, from: 'a@example.com', to: 'b@example.org' },
    { allowFiles: true },
  );
  expect((await bytesOf(composed)).toString()).toBe(`From: a@example.com\r\n\r\n${text}`);
});

test('large text and large HTML keep their characters', async () => {
  const text = `${'ä€😀 = '.repeat(20)}\r\n`.repeat(3000);
  const bytes = await bytesOf(await compose(mail({ text, html: `<p>${text}` })));
  expect(
    bytes
      .toString('latin1')
      .split('\r\n')
      .filter((line) => line.length > 76),
  ).toEqual([]);
  const read = await PostalMime.parse(bytes);
  const same = (one: string | undefined, other: string) =>
    one?.replaceAll(/\r?\n/g, '\n') === other.replaceAll('\r\n', '\n');
  expect([same(read.text, text), same(read.html, `<p>${text}`)]).toEqual([true, true]);
});

test('a signed message is the one that was signed', async () => {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 1024,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const dkim = { domainName: 'example.com', keySelector: 's', privateKey };
  for (const content of [pattern(300), pattern(300_000)]) {
    const composed = await compose(mail({ dkim, attachments: [{ content }] }));
    const bytes = await bytesOf(composed);
    const body = bytes.subarray(bytes.indexOf('\r\n\r\n') + 4).toString('latin1');
    const canonical = body
      .replaceAll(/[ \t]+/g, ' ')
      .replaceAll(/ \r\n/g, '\r\n')
      .replace(/(?:\r\n)*$/, '\r\n');
    const header = bytes.toString('latin1').replaceAll(/\r\n[ \t]+/g, '');
    expect(/^DKIM-Signature:.*\bbh=([^;]+);/m.exec(header)?.[1]).toBe(
      createHash('sha256').update(canonical, 'latin1').digest('base64'),
    );
    expect((await attached({ message: bytes })).equals(content)).toBe(true);
  }
});

test('an invitation from a stream is in both its places', async () => {
  const composed = await compose(
    mail({ icalEvent: { content: Readable.from(['BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n']) } }),
  );
  const source = (await bytesOf(composed)).toString();
  expect(source).toContain('BEGIN:VCALENDAR\r\nEND:VCALENDAR');
  expect(source).toContain(Buffer.from('BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n').toString('base64'));
});

test('an invitation from a file is in both its places', async () => {
  await writeFile(file, 'BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n');
  const composed = await compose(mail({ icalEvent: { path: file } }), { allowFiles: true });
  const source = (await bytesOf(composed)).toString();
  expect(source).toContain('BEGIN:VCALENDAR\r\nEND:VCALENDAR');
  expect(source).toContain(Buffer.from('BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n').toString('base64'));
});

test('ready bytes and the stream of the same mail are the same message', async () => {
  const fields = { date: new Date(0), messageId: 'a@b', baseBoundary: 'b', html: '<p>é' };
  const small = await compose(mail({ ...fields, attachments: [{ filename: 'a', content: 'x\n' }] }));
  const streamed = await compose(
    mail({ ...fields, attachments: [{ filename: 'a', content: Readable.from(['x', '\n']) }] }),
  );
  expect(await bytesOf(streamed)).toEqual(await bytesOf(small));
});

/** What the mailer reads a stream by. */
const lent = (message: Uint8Array | Readable): AsyncGenerator<Uint8Array> =>
  (message as unknown as { readonly [lentPieces]: () => AsyncGenerator<Uint8Array> })[lentPieces]();

test('the mailer is lent what a reader of the stream gets, and the stream ends with it', async () => {
  const fields = { date: new Date(0), messageId: 'a@b', baseBoundary: 'b', html: 'é'.repeat(40_000) };
  const make = () => {
    const parts = [{ content: pattern(200_000) }, { content: Readable.from([pattern(9_000)]) }, { path: file }];
    return compose(mail({ ...fields, attachments: parts }), { allowFiles: true });
  };
  const { message } = await make();
  const copies: Buffer[] = [];
  for await (const piece of lent(message)) {
    copies.push(Buffer.from(piece));
    await turn(); // whoever sends takes its time, and more may be read meanwhile
  }
  expect(Buffer.concat(copies).equals(await bytesOf(await make()))).toBe(true);
  expect((message as Readable).destroyed).toBe(true);
});

test('a message the mailer lets go of in the middle closes its file and its streams', async () => {
  const never = new Readable({ read() {} });
  const lowest = await nextDescriptor();
  const { message } = await compose(mail({ attachments: [{ path: file }, { content: never }] }), { allowFiles: true });
  let bytes = 0;
  for await (const piece of lent(message)) {
    bytes += piece.length;
    if (bytes > 100_000) break; // in the middle of the file
  }
  while ((await nextDescriptor()) !== lowest) await turn();
  expect(never.destroyed).toBe(true);
  expect((message as Readable).destroyed).toBe(true);
});

test.each([
  ['read in part', async (message: Readable) => void (await message[Symbol.asyncIterator]().next()), 'read once'],
  ['about to be read', async (message: Readable) => void (await once(message, 'readable')), 'read once'],
  ['read by the mailer before', async (message: Readable) => void (await lent(message).next()), 'read once'],
  ['destroyed', async (message: Readable) => void message.destroy(), 'read once'],
  [
    'failed',
    async (message: Readable) => void message.on('error', () => {}).destroy(new Error('given up')),
    'given up',
  ],
])('a message that was %s is not sent from where it stands', async (_, before, why) => {
  const { message } = await compose(mail({ attachments: [{ content: pattern(300_000) }] }));
  await before(message as Readable);
  await expect(lent(message).next()).rejects.toThrow(why);
});

test.each([
  ['bytes', () => ({ content: pattern(300_000) })],
  ['a file', () => ({ path: file })],
])(
  'a message from %s that is destroyed while the mailer reads it does not end as if it were whole',
  async (_, from) => {
    for (const error of [undefined, new Error('given up')]) {
      const { message } = await compose(mail({ attachments: [from()] }), { allowFiles: true });
      (message as Readable).on('error', () => {});
      const reading = (async () => {
        for await (const piece of lent(message)) if (piece.length > 10_000) (message as Readable).destroy(error);
      })();
      await expect(reading).rejects.toThrow(error?.message ?? 'let go of');
    }
  },
);

test('whoever reads a message that the mailer reads gets an error, and so does the mailer', async () => {
  const { message } = await compose(mail({ attachments: [{ content: pattern(300_000) }] }));
  const reading = lent(message);
  await reading.next();
  await expect(bytesOf({ message })).rejects.toThrow('read once');
  await expect(
    (async () => {
      for await (const _piece of reading);
    })(),
  ).rejects.toThrow('read once');
});

test('composing for the mailer leaves the process its turns, also where nothing is waited for', async () => {
  const { message } = await compose(mail({ html: 'é = '.repeat(MB) }));
  let turns = 0;
  let done = false;
  const count = (): void => {
    turns += 1;
    if (!done) setImmediate(count);
  };
  setImmediate(count);
  for await (const _piece of lent(message));
  done = true;
  expect(turns).toBeGreaterThan(3);
});

test.skipIf(process.platform === 'win32')('a message let go of does not wait for what a pipe may bring', async () => {
  await unlink(file);
  execFileSync('mkfifo', [file]);
  const writer = await open(file, 'r+');
  await writer.write(Buffer.alloc(40_000));
  const { message } = await compose(mail({ attachments: [{ path: file }] }), { allowFiles: true });
  for await (const piece of lent(message)) if (piece.length > 10_000) break;
  expect((message as Readable).destroyed).toBe(true);
  await writer.close();
});

test('a file that cannot be read is found before anything is sent', async () => {
  const missing = mail({ attachments: [{ path: `${file}.missing` }] });
  const error: unknown = await compose(missing, { allowFiles: true }).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'ERR_INPUT_MESSAGE', cause: { code: 'ENOENT' } });
});

test('a message nobody reads opens nothing', async () => {
  using server = await serve(Buffer.alloc(0));
  const lowest = await nextDescriptor();
  await compose(mail({ attachments: [{ path: file }, { href: server.href }] }), { allowFiles: true, allowUrls: true });
  for (let i = 0; i < 20; i += 1) await turn();
  expect(await nextDescriptor()).toBe(lowest);
  expect(server.requests).toBe(0);
});

test('a message that is let go of ends the streams it would have been read from', async () => {
  const one = Readable.from(['x']);
  const { message } = await compose(mail({ attachments: [{ content: one }] }));
  (message as Readable).destroy();
  expect(one.destroyed).toBe(true);
});

test('a message let go of in the middle closes its file and its streams', async () => {
  const never = new Readable({ read() {} });
  const lowest = await nextDescriptor();
  const composed = await compose(mail({ attachments: [{ path: file }, { content: never }] }), { allowFiles: true });
  let bytes = 0;
  for await (const piece of composed.message as Readable) {
    bytes += (piece as Buffer).length;
    if (bytes > 100_000) break; // in the middle of the file
  }
  while ((await nextDescriptor()) !== lowest) await turn();
  expect(never.destroyed).toBe(true);
});

test('a message let go of in the middle ends the request for a URL', async () => {
  const server = createServer((_request, response) => {
    response.on('close', () => server.emit('ended')).write(Buffer.alloc(200_000)); // and never ends
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const href = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const ended = once(server, 'ended');
  const { message } = await compose(mail({ attachments: [{ href }] }), { allowUrls: true });
  let bytes = 0;
  for await (const piece of message as Readable) {
    bytes += (piece as Buffer).length;
    if (bytes > 100_000) break;
  }
  expect(await ended).toEqual([]);
  server.close();
});

/** The lowest free file descriptor: higher while something is left open. */
async function nextDescriptor(): Promise<number> {
  const handle = await open('/dev/null');
  await handle.close();
  return handle.fd;
}

test('a source that fails ends the message with its error', async () => {
  const content = new Readable({
    read() {
      this.destroy(new Error('disk on fire'));
    },
  });
  const composed = await compose(mail({ attachments: [{ content }] }));
  await expect(bytesOf(composed)).rejects.toThrow('disk on fire');
});

test('a stream that failed before the message is read ends it with its error', async () => {
  const content = new Readable({ read() {} });
  const composed = await compose(mail({ attachments: [{ content }] }));
  content.destroy(new Error('disk on fire'));
  while (!content.closed) await turn();
  await expect(bytesOf(composed)).rejects.toThrow('disk on fire');
});

test('a stream that was read before is not taken for an empty one', async () => {
  const content = Readable.from(['x']);
  for await (const _chunk of content);
  const composed = await compose(mail({ attachments: [{ content }] }));
  await expect(bytesOf(composed)).rejects.toThrow('read before');
});

test('a stream of something else than text and bytes ends the message', async () => {
  const composed = await compose(mail({ attachments: [{ content: Readable.from([{ a: 1 }]) }] }));
  await expect(bytesOf(composed)).rejects.toThrow(TypeError);
});

test('a stream from before there were iterators is read', async () => {
  const content = Object.assign(new EventEmitter(), { readable: true, pipe() {}, pause() {}, resume() {} });
  const composed = await compose(mail({ attachments: [{ content: content as unknown as Readable }] }));
  const bytes = bytesOf(composed);
  while (content.listenerCount('data') === 0) await turn();
  content.emit('data', Buffer.from('old '));
  content.emit('data', 'school');
  content.emit('end');
  expect((await attached({ message: await bytes })).toString()).toBe('old school');
});

test('a stream of words makes no message of words', async () => {
  const words = Array.from({ length: 10_000 }, (_, i) => `${i} `);
  const { message } = await compose(mail({ attachments: [{ content: Readable.from(words) }] }));
  const pieces: Uint8Array[] = [];
  for await (const piece of message as Readable) pieces.push(piece as Uint8Array);
  expect(pieces.length).toBeLessThan(10);
  expect((await attached({ message: Buffer.concat(pieces) })).toString()).toBe(words.join(''));
});

test('a message is composed as fast as it is read, not faster', async () => {
  let produced = 0;
  const content = new Readable({
    read() {
      produced += 64 * 1024;
      this.push(produced > 20 * MB ? null : Buffer.alloc(64 * 1024, 1));
    },
  });
  const { message } = await compose(mail({ attachments: [{ content }] }));
  const iterator = (message as Readable)[Symbol.asyncIterator]();
  await iterator.next();
  for (let i = 0; i < 100; i += 1) await turn();
  expect(produced).toBeLessThan(MB);
  await iterator.return?.();
});

test('composing a large message leaves the process its turns', async () => {
  let turns = 0;
  let done = false;
  const count = (): void => {
    turns += 1;
    if (!done) setImmediate(count);
  };
  const { message } = await compose(mail({ attachments: [{ content: Buffer.alloc(5 * MB) }] }));
  setImmediate(count);
  let pieces = 0;
  for await (const _piece of message as Readable) pieces += 1;
  done = true;
  expect(pieces).toBeGreaterThan(50);
  expect(turns).toBeGreaterThan(pieces / 2);
});

test.each([
  ['bytes', () => ({ content: pattern(20 * MB) })],
  ['text', () => ({ filename: 'a.csv', content: Buffer.alloc(20 * MB, 'a,b,c,d\r\n').toString('latin1') })],
  ['a stream', () => ({ content: Readable.from(Array.from({ length: 320 }, () => Buffer.alloc(64 * 1024, 1))) })],
  ['a file', async () => (await writeFile(file, Buffer.alloc(20 * MB, 'a,b,c,d\r\n')), { path: file })],
])('an attachment of 20 MB from %s costs the sender less than 32 MB', { timeout: 60_000 }, async (_from, make) => {
  const { message } = await compose(mail({ attachments: [await make()] }), { allowFiles: true });
  const before = process.memoryUsage.rss();
  let peak = before;
  let bytes = 0;
  for await (const piece of message as Readable) {
    bytes += (piece as Buffer).length;
    peak = Math.max(peak, process.memoryUsage.rss());
  }
  expect(bytes).toBeGreaterThan(27 * MB);
  expect((peak - before) / MB).toBeLessThan(32);
});
