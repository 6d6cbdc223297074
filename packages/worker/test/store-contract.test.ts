// What both stores promise, in the same words.
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStore } from '../src/store/open-store.ts';
import type { Store } from '../src/store/store.ts';
import { createStoreDirectory } from './support/embedded.ts';
import { createDatabase } from './support/postgres.ts';

const PLACES = {
  embedded: async () => {
    const directory = await createStoreDirectory();
    return {
      options: { kind: 'embedded', dir: directory.dir } as const,
      remove: async () => directory[Symbol.dispose](),
    };
  },
  postgres: async () => {
    const database = await createDatabase();
    return {
      options: { kind: 'postgres', url: database.url } as const,
      remove: () => database[Symbol.asyncDispose](),
    };
  },
};

/** Runs something that does not know of the transaction it is started in, as a request that comes in by itself. */
const outside = AsyncLocalStorage.snapshot();

describe.each(['embedded', 'postgres'] as const)('the %s store', (kind) => {
  let place: Awaited<ReturnType<(typeof PLACES)[typeof kind]>>;
  let store: Store;

  beforeAll(async () => {
    place = await PLACES[kind]();
    store = await openStore(place.options);
  });
  afterAll(async () => {
    await store.close();
    await place.remove();
  });

  const note = (reason: string, db: Pick<Store['db'], 'insertInto'> = store.db) =>
    db.insertInto('suppression').values({ key: randomUUID(), reason }).execute();
  const count = async (reason: string) => {
    const { n } = await store.db
      .selectFrom('suppression')
      .where('reason', '=', reason)
      .select(({ fn }) => fn.countAll().as('n'))
      .executeTakeFirstOrThrow();
    return n;
  };

  test('says which kind it is, has tables and answers', async () => {
    expect(store.kind).toBe(kind);
    expect(await store.db.selectFrom('mail').selectAll().execute()).toEqual([]);
    await expect(store.check()).resolves.toBeUndefined();
  });

  test('commits what a transaction did', async () => {
    expect(await store.transaction(async (trx) => (await note('committed', trx)).length)).toBe(1);
    expect(await count('committed')).toBe(1);
  });

  test('undoes what a failed transaction did', async () => {
    const failed = store.transaction(async (trx) => {
      await note('undone', trx);
      throw new RangeError('no');
    });
    await expect(failed).rejects.toThrow(RangeError);
    expect(await count('undone')).toBe(0);
  });

  test('a statement that failed takes the whole transaction with it, even when its error was caught', async () => {
    const swallowed = store.transaction(async (trx) => {
      await note('swallowed', trx);
      await store
        .executor(trx)
        .executeSql('select 1 / 0')
        .catch(() => {});
    });
    await expect(swallowed).rejects.toThrow(/rolled back/);
    expect(await count('swallowed')).toBe(0);
  });

  test('keeps statements beside a transaction out of it', async () => {
    let beside: Promise<unknown> | undefined;
    const failed = store.transaction(async (trx) => {
      await note('inside', trx);
      beside = outside(() => note('beside'));
      if (kind === 'postgres') await beside;
      throw new RangeError('no');
    });
    await expect(failed).rejects.toThrow(RangeError);
    await beside;
    expect([await count('inside'), await count('beside')]).toEqual([0, 1]);
  });

  test('many transactions at once all end', async () => {
    const all = Array.from({ length: 30 }, () => store.transaction((trx) => note('many', trx)));
    await Promise.all(all);
    expect(await count('many')).toBe(30);
  });

  test('runs SQL with values, or several statements without', async () => {
    const executor = store.executor();
    expect(await executor.executeSql('select $1::int + 1 as n', [1])).toMatchObject({ rows: [{ n: 2 }] });
    const { rows } = await executor.executeSql('begin; select 1 as a; select 2 as b; commit');
    expect(rows).toEqual([{ a: 1 }, { b: 2 }]);
  });

  test('a text that fails within its own transaction leaves nothing behind for the next', async () => {
    const executor = store.executor();
    await expect(executor.executeSql('begin; select 1 / 0; commit')).rejects.toMatchObject({ code: '22012' });
    for (let n = 0; n < 12; n += 1) await executor.executeSql('select 1'); // as many as there may be connections
    await note('after a failure');
    expect(await count('after a failure')).toBe(1);
  });

  test('runs SQL as a part of a transaction', async () => {
    const failed = store.transaction(async (trx) => {
      const insert = "insert into mailgrant.suppression (key, reason) values ($1, 'by the engine')";
      await store.executor(trx).executeSql(insert, [randomUUID()]);
      throw new RangeError('no');
    });
    await expect(failed).rejects.toThrow(RangeError);
    expect(await count('by the engine')).toBe(0);
  });

  test('answers with the same values as the other one', async () => {
    const { rows } = await store.executor().executeSql(
      `select 9007199254740991::int8 as large, 9007199254740993::int8 as larger, '2026-03-29T01:30:00Z'::timestamptz as at,
              '{"a":[1,null]}'::jsonb as json, decode('00ff', 'hex') as bytes, array['a', null] as list, null as nothing`,
    );
    const { bytes, ...values } = rows[0];
    expect(values).toEqual({
      large: 9_007_199_254_740_991,
      larger: 9_007_199_254_740_993n,
      at: new Date('2026-03-29T01:30:00Z'),
      json: { a: [1, null] },
      list: ['a', null],
      nothing: null,
    });
    expect(Buffer.from(bytes).toString('hex')).toBe('00ff');
  });

  test('lets the event loop run between statements', async () => {
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
    }, 0);
    for (let n = 0; n < 100; n += 1) await store.executor().executeSql('select pg_sleep(0.001)');
    clearInterval(timer);
    expect(turns).toBeGreaterThan(5);
  });

  test('tells of notifications until it is told to stop', async () => {
    const heard: string[] = [];
    let heardOne = () => {};
    const next = () =>
      new Promise<void>((resolve) => {
        heardOne = resolve;
      });
    const stop = await store.listen('news', (payload) => {
      heard.push(payload);
      heardOne();
    });
    const first = next();
    await store.executor().executeSql("select pg_notify('news', 'one')");
    await first;
    await stop();
    await store.executor().executeSql("select pg_notify('news', 'two')");
    expect(heard).toEqual(['one']);
  });

  test('opens again with what was in it', async () => {
    await note('kept');
    await store.close();
    store = await openStore({ ...place.options, migrate: false });
    expect(await count('kept')).toBe(1);
  });

  test('is closed once and for all', async () => {
    const other = kind === 'postgres' ? await openStore(place.options) : store;
    await Promise.all([other.close(), other.close()]);
    await expect(other.check()).rejects.toThrow(/closed|after calling end/);
    if (kind === 'embedded') store = await openStore(place.options);
  });
});
