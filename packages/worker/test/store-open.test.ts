// Opening a store, and what happens when something is wrong with the place.
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { PGlite } from '@electric-sql/pglite';
import { NodeFS } from '@electric-sql/pglite/nodefs';
import { Client, Pool } from 'pg';
import { describe, expect, test, vi } from 'vitest';
import { proveDurable } from '../src/store/embedded-files.ts';
import { openStore } from '../src/store/open-store.ts';
import { DurableNodeFS } from '../src/store/pglite-durable-fs.ts';
import type { StoreOptions } from '../src/store/store.ts';
import { createDirectory, createStoreDirectory } from './support/embedded.ts';
import { createDatabase } from './support/postgres.ts';

test.each([
  [undefined, "store.kind has to be 'embedded' or 'postgres', not undefined"],
  [{ kind: 'sqlite' }, "not 'sqlite'"],
  [{ kind: 'embedded' }, 'store.dir has to be a directory, not undefined'],
  [{ kind: 'embedded', dir: '' }, "not ''"],
  [{ kind: 'embedded', dir: 'x', durability: 'none' }, 'store.durability'],
  [{ kind: 'postgres' }, 'either url or pool'],
  [{ kind: 'postgres', url: 'postgres://localhost/x', pool: {} }, 'either url or pool'],
  [{ kind: 'postgres', pool: {} }, 'a Pool of pg'],
  [{ kind: 'postgres', url: 'postgres://localhost/x', connections: 1 }, 'at least 2, not 1'],
])('%j is refused at the door', async (options, words) => {
  const failed = openStore(options as unknown as StoreOptions);
  await expect(failed).rejects.toMatchObject({
    name: 'TypeError',
    code: 'ERR_INPUT_OPTION',
    message: expect.stringContaining(words),
  });
});

test('a connection string that is none is not repeated, for it may hold a password', async () => {
  const failed = openStore({ kind: 'postgres', url: 'mysql://root:canary-secret@localhost/x' });
  await expect(failed).rejects.toThrow('store.url has to be a connection string');
  await expect(failed).rejects.not.toThrow('canary');
});

describe('PostgreSQL', () => {
  test('a pool that was handed in stays as it was, and open', async () => {
    await using database = await createDatabase();
    const pool = new Pool({ connectionString: database.url });
    const before = pool.listenerCount('error');
    const store = await openStore({ kind: 'postgres', pool });
    const heard: string[] = [];
    await store.listen('news', (payload) => heard.push(payload));
    await store.close();
    expect((await pool.query('select 1::int8 as n')).rows).toEqual([{ n: '1' }]); // node-postgres's own way
    expect(pool.listenerCount('error')).toBe(before);
    pool.on('error', () => {}); // connections are still closing when end() resolves
    await pool.end();
  });

  test('tables that are not up to date are named where they may not be changed', async () => {
    await using database = await createDatabase();
    const failed = openStore({ kind: 'postgres', url: database.url, migrate: false });
    await expect(failed).rejects.toMatchObject({
      code: 'ERR_STORE_SCHEMA',
      message: expect.stringMatching(/missing: 0001-.*migrate --sql/s),
    });
  });

  test('many may open an empty database at once', async () => {
    await using database = await createDatabase();
    const stores = await Promise.all(
      Array.from({ length: 4 }, () => openStore({ kind: 'postgres', url: database.url, connections: 2 })),
    );
    for (const store of stores) expect(await store.db.selectFrom('mail').selectAll().execute()).toEqual([]);
    await Promise.all(stores.map((store) => store.close()));
  });

  test('connections that the server drops are told, without the password, and replaced', async () => {
    await using database = await createDatabase();
    const problems: unknown[] = [];
    const url = new URL(database.url);
    url.password ||= 'canary-secret'; // nobody asks for it
    const store = await openStore({
      kind: 'postgres',
      url: url.href,
      onProblem: (error) => void problems.push(error),
    });
    let wake = (): void => {};
    const heard = new Promise<void>((resolve) => {
      wake = resolve;
    });
    await store.listen('news', () => wake());
    const held = store.transaction(async (trx) => {
      await dropOthers(database.url);
      await trx.selectFrom('mail').selectAll().execute();
    });
    await expect(held).rejects.toThrow(/terminat|connection error/);
    await heard; // the listener is back, and says so: something may have been missed
    await expect(store.check()).resolves.toBeUndefined();
    expect(problems.length).toBeGreaterThan(0);
    expect(inspect([store, problems], { depth: 12 })).not.toContain(url.password);
    await store.close();
  });
});

describe('the embedded store', () => {
  test(
    'makes its directory, for its owner alone, where a first start was interrupted, too',
    { timeout: 120_000 },
    async () => {
      using directory = createDirectory();
      const dir = join(directory.dir, 'a', 'b');
      fs.mkdirSync(join(dir, 'data.unfinished'), { recursive: true, mode: 0o700 });
      fs.writeFileSync(join(dir, 'data.unfinished', 'PG_VERSION'), '18\n');
      const store = await openStore({ kind: 'embedded', dir });
      await expect(store.check()).resolves.toBeUndefined();
      await store.close();
      expect(fs.statSync(dir).mode & 0o777).toBe(0o700);
      expect(fs.statSync(join(dir, 'data')).mode & 0o777).toBe(0o700);
      expect(fs.existsSync(join(dir, 'data.unfinished'))).toBe(false);
    },
  );

  test('keeps what is in it for its owner alone, also in a directory that others may read', async () => {
    using directory = await createStoreDirectory();
    fs.chmodSync(directory.dir, 0o755);
    fs.mkdirSync(join(directory.dir, 'blobs'), { mode: 0o755 });
    const store = await openStore({ kind: 'embedded', dir: directory.dir, durability: 'process-crash' });
    await store.close();
    const entries = fs.readdirSync(directory.dir, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const modes = entries.map(({ name }) => [name, fs.statSync(join(directory.dir, name)).mode & 0o777]);
    expect(Object.fromEntries(modes)).toEqual({ data: 0o700, blobs: 0o700 });
  });

  test('PGlite as it comes does not pass the test of a commit', async () => {
    using directory = await createStoreDirectory();
    const fileSystem = new DurableNodeFS(join(directory.dir, 'nobody'));
    const pglite = await PGlite.create({ fs: new NodeFS(join(directory.dir, 'data')) });
    await expect(proveDurable(pglite, fileSystem)).rejects.toMatchObject({ code: 'ERR_STORE_NOT_DURABLE' });
    expect(pglite.closed).toBe(true);
  });

  test('stops at once when the disk fails, and has what was acknowledged when it is opened again', async () => {
    using directory = await createStoreDirectory();
    const problems: unknown[] = [];
    const options = { kind: 'embedded', dir: directory.dir } as const;
    const store = await openStore({ ...options, onProblem: (error) => void problems.push(error) });
    const note = () => store.db.insertInto('suppression').values({ key: randomUUID(), reason: 'kept' }).execute();
    await note();

    const failing = vi.spyOn(fs, 'fsyncSync').mockImplementation(() => {
      throw Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO' });
    });
    await expect(note()).rejects.toThrow(/fsync|PANIC|stopped working/i);
    failing.mockRestore(); // the disk seems to be well again; what it forgot it does not say
    await expect(note()).rejects.toMatchObject({ name: 'StoreError', code: 'ERR_STORE_BROKEN' });
    await expect(store.check()).rejects.toMatchObject({ code: 'ERR_STORE_BROKEN' });
    expect(problems).toContainEqual(expect.objectContaining({ code: 'ERR_STORE_BROKEN' }));
    await store.close();

    const again = await openStore(options);
    const kept = await again.db.selectFrom('suppression').select('reason').execute();
    expect(kept.length).toBeGreaterThanOrEqual(1);
    await again.close();
  });
});

/** Ends every connection to a database but its own. */
async function dropOthers(url: string): Promise<void> {
  const client = new Client(url);
  await client.connect();
  await client.query(
    'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
  );
  await client.end();
}
