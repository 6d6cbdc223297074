// Bodies too large for a row: the same promises of files and of PostgreSQL's rows.
import { createHash, randomUUID } from 'node:crypto';
import fs, { existsSync, mkdirSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { BlobStore } from '../src/blobs/blob-store.ts';
import { FileBlobStore } from '../src/blobs/file-blobs.ts';
import type { Store } from '../src/store/store.ts';
import { createPlace, KINDS, type Place } from './support/rig.ts';

const MB = 1024 * 1024;
const nameOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const bodyOf = (size: number) => Buffer.alloc(size, `${randomUUID()}\r\n`);

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(blobs: BlobStore, name: string): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  for await (const piece of blobs.get(name)) pieces.push(piece);
  return pieces;
}

describe.each(KINDS)('bodies on the %s store', (kind) => {
  let place: Place;
  let store: Store;
  beforeAll(async () => {
    place = await createPlace(kind);
    store = await place.open();
    await store.db.insertInto('mailbox').values({ id: 'noreply', connections: 3 }).execute();
  });
  afterAll(async () => {
    await store.close();
    await place[Symbol.asyncDispose]();
  });

  const name = async (body: string) => {
    const id = randomUUID();
    const envelope = '{"from":"noreply@contoso.com"}';
    const row = { id, mailbox_id: 'noreply', due_at: new Date(0), envelope, mime_size: 1, mime_blob: body };
    await store.db.insertInto('mail').values(row).execute();
    return id;
  };

  test.each([0, 1, 256 * 1024, 256 * 1024 + 1, 3 * MB])('%i bytes come back as they were, in pieces', async (size) => {
    const body = bodyOf(size);
    const ref = await store.blobs.put(body);
    expect(ref).toEqual({ sha256: nameOf(body), size });
    const pieces = await read(store.blobs, ref.sha256);
    expect(Buffer.concat(pieces).equals(body)).toBe(true);
    expect(Math.max(0, ...pieces.map(({ length }) => length))).toBeLessThanOrEqual(256 * 1024);
  });

  test.each([1000, 300_000, MB])('a stream with pieces of %i bytes is the same body', async (size) => {
    const body = bodyOf(2 * MB + 17);
    const ref = await store.blobs.put(inPieces(body, size));
    expect(ref).toEqual({ sha256: nameOf(body), size: body.length });
    expect(await store.blobs.put(body)).toEqual(ref);
    expect(await store.blobs.put(inPieces(body, 65_536))).toEqual(ref);
    expect(Buffer.concat(await read(store.blobs, ref.sha256)).equals(body)).toBe(true);
  });

  test('the same body put many times at once is one', async () => {
    const body = bodyOf(MB);
    const refs = await Promise.all(Array.from({ length: 6 }, () => store.blobs.put(body)));
    expect(new Set(refs.map(({ sha256 }) => sha256))).toEqual(new Set([nameOf(body)]));
    expect(Buffer.concat(await read(store.blobs, nameOf(body))).equals(body)).toBe(true);
  });

  test('a stream that fails leaves nothing', async () => {
    const failing = async function* (): AsyncGenerator<Uint8Array> {
      yield bodyOf(MB);
      throw new RangeError('no more');
    };
    await expect(store.blobs.put(failing())).rejects.toThrow('no more');
    expect((await store.blobs.sweep({ grace: -MB })).deleted).toBeGreaterThanOrEqual(0);
    expect(await store.blobs.sweep({ grace: -MB })).toEqual({ deleted: 0 });
  });

  test('a body there is none of is an error, and a name that is none as well', async () => {
    await expect(read(store.blobs, nameOf(Buffer.from('never put')))).rejects.toMatchObject({
      code: 'ERR_STORE_BODY',
      message: expect.stringContaining('is missing'),
    });
    await expect(read(store.blobs, '../../etc/passwd')).rejects.toThrow(TypeError);
  });

  test('is swept away when no mail names it and its time of grace is over', async () => {
    const [named, unnamed, young] = [bodyOf(1000), bodyOf(1001), bodyOf(1002)];
    for (const body of [named, unnamed]) await store.blobs.put(body);
    const id = await name(nameOf(named));
    await store.blobs.sweep({ grace: -10_000 });
    await store.blobs.put(young);
    expect(await store.blobs.sweep()).toEqual({ deleted: 0 });
    await expect(read(store.blobs, nameOf(unnamed))).rejects.toMatchObject({ code: 'ERR_STORE_BODY' });
    expect(Buffer.concat(await read(store.blobs, nameOf(named))).equals(named)).toBe(true);
    expect(Buffer.concat(await read(store.blobs, nameOf(young))).equals(young)).toBe(true);

    await store.db.deleteFrom('mail').where('id', '=', id).execute();
    expect(await store.blobs.sweep({ grace: -10_000 })).toEqual({ deleted: 2 });
  });

  test('is not swept away once it is kept for a row that is coming', async () => {
    const { sha256 } = await store.blobs.put(bodyOf(1003));
    if (kind === 'embedded') utimesSync(pathOf(store.blobs, sha256), 0, 0);
    else
      await store.db
        .updateTable('blob')
        .set({ put_at: new Date(0) })
        .where('sha256', '=', sha256)
        .execute();
    await store.transaction(async (trx) => {
      await store.blobs.keep([sha256, sha256], store.executor(trx));
      if (kind === 'postgres') expect(await store.blobs.sweep()).toEqual({ deleted: 0 }); // and does not wait
    });
    expect(await store.blobs.sweep()).toEqual({ deleted: 0 });
    expect(await store.blobs.sweep({ grace: -10_000 })).toEqual({ deleted: 1 });
    const again = store.transaction((trx) => store.blobs.keep([sha256], store.executor(trx)));
    await expect(again).rejects.toMatchObject({ code: 'ERR_STORE_BODY' });
  });

  test('a body that is damaged is found out before its end', async () => {
    const body = bodyOf(600_000);
    const { sha256 } = await store.blobs.put(body);
    if (kind === 'postgres') {
      await store.db
        .updateTable('blob_chunk')
        .set({ bytes: bodyOf(10) })
        .where('sha256', '=', sha256)
        .where('n', '=', 1)
        .execute();
      await store.db
        .updateTable('blob')
        .set({ size: 256 * 1024 + 10 })
        .where('sha256', '=', sha256)
        .execute();
    } else {
      await damage(store, sha256);
    }
    await expect(read(store.blobs, sha256)).rejects.toMatchObject({ code: 'ERR_STORE_BODY' });
  });
});

/** Replaces what a file store has under a name. */
async function damage({ blobs }: Store, name: string): Promise<void> {
  writeFileSync(pathOf(blobs, name), bodyOf(600_000));
}

function pathOf(blobs: BlobStore, name: string): string {
  return blobs instanceof FileBlobStore ? join(blobs.dir, name.slice(0, 2), name) : expect.unreachable();
}

describe('bodies in files', () => {
  let place: Place;
  let store: Store;
  beforeAll(async () => {
    place = await createPlace('embedded');
    store = await place.open();
  });
  afterAll(async () => {
    await store.close();
    await place[Symbol.asyncDispose]();
  });

  test('are for their owner alone', async () => {
    const { sha256 } = await store.blobs.put(bodyOf(10));
    expect(statSync(pathOf(store.blobs, sha256)).mode & 0o777).toBe(0o600);
    expect(statSync(join(pathOf(store.blobs, sha256), '..')).mode & 0o777).toBe(0o700);
  });

  test('lie in folders whose names are on the disk, whoever made the folder', async () => {
    const dir = store.blobs instanceof FileBlobStore ? store.blobs.dir : expect.unreachable();
    const body = bodyOf(1005);
    mkdirSync(join(dir, nameOf(body).slice(0, 2)), { recursive: true }); // by somebody who crashed, or is not done yet
    const opened = vi.spyOn(fs, 'openSync');
    await store.blobs.put(body);
    expect(opened.mock.calls.map(([path]) => path)).toContain(dir);
    opened.mockRestore();
  });

  test('that a crash of the disk cut off are written anew', async () => {
    const body = bodyOf(100_000);
    const { sha256 } = await store.blobs.put(body);
    truncateSync(pathOf(store.blobs, sha256), 50_000);
    await store.blobs.put(body);
    expect(Buffer.concat(await read(store.blobs, sha256)).equals(body)).toBe(true);
  });

  test('get a new time of grace when they are put again', async () => {
    const body = bodyOf(1000);
    const { sha256 } = await store.blobs.put(body);
    utimesSync(pathOf(store.blobs, sha256), 0, 0);
    await store.blobs.put(body);
    expect(await store.blobs.sweep()).toEqual({ deleted: 0 });
    utimesSync(pathOf(store.blobs, sha256), 0, 0);
    expect(await store.blobs.sweep()).toEqual({ deleted: 1 });
  });

  test('that were never finished are gone at the next start', async () => {
    const dir = store.blobs instanceof FileBlobStore ? store.blobs.dir : expect.unreachable();
    mkdirSync(join(dir, 'unfinished'), { recursive: true });
    writeFileSync(join(dir, 'unfinished', 'x'), 'half a mess');
    await store.close();
    store = await place.open();
    expect(existsSync(join(dir, 'unfinished', 'x'))).toBe(false);
    const { sha256 } = await store.blobs.put(bodyOf(10));
    expect(existsSync(pathOf(store.blobs, sha256))).toBe(true);
  });
});
