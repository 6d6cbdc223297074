// Messages at rest: encrypted, and dated apart.
import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { dateLine, withoutDate } from '../src/outbox/date-line.ts';
import { createSeal } from '../src/outbox/seal.ts';

const KEY = Buffer.alloc(32, 1);
const OTHER = Buffer.alloc(32, 2).toString('base64');

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

function* cut(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test.each([0, 1, 15, 16, 17, 5_000])('%i bytes come back, however they are cut', async (length) => {
  const seal = createSeal(KEY);
  const plain = randomBytes(length);
  const sealed = await collect(seal.close('mail-1', cut(plain, 7)));
  for (const size of [1, 13, 100_000]) {
    expect(await collect(seal.open('mail-1', seal.keyId, cut(sealed, size)))).toEqual(plain);
  }
});

test('what was changed, cut off, or belongs to another mail ends in an error', async () => {
  const seal = createSeal(KEY);
  const sealed = await collect(seal.close('mail-1', [Buffer.from('secret')]));
  const changed = Buffer.from(sealed);
  changed[14] = (changed[14] ?? 0) ^ 1;
  await expect(collect(seal.open('mail-1', seal.keyId, [changed]))).rejects.toThrow('authenticate');
  await expect(collect(seal.open('mail-1', seal.keyId, [sealed.subarray(0, 20)]))).rejects.toThrow('cut off');
  await expect(collect(seal.open('mail-2', seal.keyId, [sealed]))).rejects.toThrow('authenticate');
});

test('an older key still opens; one that is not there is named by its id', async () => {
  const old = createSeal(OTHER);
  const sealed = await collect(old.close('m', [Buffer.from('text')]));
  const both = createSeal([KEY, OTHER]);
  expect(both.keyId).not.toBe(old.keyId);
  expect((await collect(both.open('m', old.keyId, [sealed]))).toString()).toBe('text');
  await expect(collect(createSeal(KEY).open('m', old.keyId, [sealed]))).rejects.toThrow(old.keyId);
});

test('keys have 32 bytes and are not shown', () => {
  expect(() => createSeal('c2hvcnQ=')).toThrow(expect.objectContaining({ code: 'ERR_INPUT_OPTION' }));
  expect(() => createSeal([])).toThrow(TypeError);
  expect(inspect(createSeal(KEY), { depth: 9 })).not.toMatch(/01 01|AQEB/);
});

test('the Date field is taken out of the header, wherever pieces end, and nowhere else', async () => {
  const line = dateLine(new Date(0));
  expect(line.toString()).toBe('Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n');
  const message = Buffer.from('From: a@b.c\r\nDATE: now\r\nSubject: x\r\n\r\nDate: in the text\r\n');
  for (let size = 1; size <= message.length; size++) {
    const rest = await collect(withoutDate(cut(message, size)));
    expect(rest.toString()).toBe('From: a@b.c\r\nSubject: x\r\n\r\nDate: in the text\r\n');
  }
  expect((await collect(withoutDate([Buffer.from('Date: x\r\n')]))).toString()).toBe('');
});
