// The embedded store stays small: what a server does in the background is done here when it is due.
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EmbeddedDatabase } from '../src/store/embedded-database.ts';
import { openDatabase } from '../src/store/embedded-files.ts';
import { LIMITS, Maintenance } from '../src/store/maintenance.ts';
import type { SqlExecutor } from '../src/store/store.ts';
import { createStoreDirectory, type TestDirectory } from './support/embedded.ts';

const MINUTE = 60_000;

let directory: TestDirectory;
let database: EmbeddedDatabase;

beforeAll(async () => {
  directory = await createStoreDirectory();
  mkdirSync(directory.dir, { recursive: true });
  database = await openDatabase(directory.dir, 'process-crash', () => {});
  await database.executeSql('create table busy (id int primary key, text text); create table idle (id int)');
});
afterAll(async () => {
  await database.close();
  directory[Symbol.dispose]();
});

const write = (rows: number, bytes: number) =>
  database.executeSql(
    `insert into busy select n, repeat('x', $2::int) from generate_series(1, $1::int) n
       on conflict (id) do update set text = excluded.text`,
    [rows, bytes],
  );
const walFiles = () => readdirSync(join(directory.dir, 'data', 'pg_wal')).filter((name) => /^[0-9A-F]{24}$/.test(name));
const at = (start: number) => {
  const clock = { now: start };
  return { clock, maintenance: new Maintenance(database, () => clock.now) };
};

test('nothing is due where nothing happened, however late it is', async () => {
  await database.executeSql('checkpoint');
  const { clock, maintenance } = at(0);
  clock.now = 24 * 60 * MINUTE;
  expect(await maintenance.run()).toEqual([]);
});

test('a checkpoint is due after some minutes, or at once after much', async () => {
  const { clock, maintenance } = at(0);
  await write(2000, 400);
  expect(await maintenance.run()).toEqual([]);
  clock.now = 5 * MINUTE;
  expect(await maintenance.run()).toEqual(['checkpoint']);
  expect(await maintenance.run()).toEqual([]);

  await database.executeSql("select pg_logical_emit_message(false, 'test', repeat('x', $1::int))", [LIMITS.wal]);
  expect(await maintenance.run()).toEqual(['checkpoint']);
});

test('the log does not grow with what is written', async () => {
  const { maintenance } = at(0);
  for (let round = 0; round < 8; round += 1) {
    await database.executeSql("select pg_logical_emit_message(false, 'test', repeat('x', $1::int))", [LIMITS.wal / 2]);
    await maintenance.run();
  }
  expect(walFiles().length).toBeLessThanOrEqual(10); // files of 16 MB; 256 MB were written
});

test('dead rows are cleared away: many at once, some after an hour', async () => {
  const { clock, maintenance } = at(0);
  await database.executeSql('vacuum (analyze) busy');
  for (let round = 0; round < 4; round += 1) await write(2000, 400);
  expect(await maintenance.run()).toContain('vacuum (analyze) public.busy');
  expect(await maintenance.run()).not.toContain('vacuum (analyze) public.busy');

  await write(500, 400);
  expect(await maintenance.run()).not.toContain('vacuum (analyze) public.busy');
  clock.now = 60 * MINUTE;
  expect(await maintenance.run()).toContain('vacuum (analyze) public.busy');
});

test('a table whose rows change all the time keeps its size', async () => {
  const { maintenance } = at(0);
  const size = async () =>
    Number((await database.executeSql("select pg_total_relation_size('busy')::float8 as n")).rows[0].n);
  for (let round = 0; round < 3; round += 1) await write(2000, 400);
  await maintenance.run();
  const before = await size();
  for (let round = 0; round < 12; round += 1) {
    await write(2000, 400);
    await maintenance.run();
  }
  expect(await size()).toBeLessThan(before * 3);
});

test('two at a time are one', async () => {
  let runs = 0;
  const counting: SqlExecutor = {
    async executeSql(text) {
      if (text.includes('pg_control_checkpoint')) runs += 1;
      return { rows: [] };
    },
  };
  const maintenance = new Maintenance(counting);
  await Promise.all([maintenance.run(), maintenance.run()]);
  expect(runs).toBe(1);
  await maintenance.run();
  expect(runs).toBe(2);
});

test('rows are frozen long before PostgreSQL would refuse to go on', async () => {
  const old: SqlExecutor = {
    async executeSql(text) {
      return { rows: text.includes('relfrozenxid') ? [{ n: LIMITS.age + 1 }] : [] };
    },
  };
  expect(await new Maintenance(old).run()).toEqual(['vacuum (freeze)']);
  await expect(database.executeSql('vacuum (freeze)')).resolves.toBeDefined();
});

test('there is no second database that would have to be frozen too', async () => {
  expect((await database.executeSql('select datname from pg_database')).rows).toEqual([{ datname: 'postgres' }]);
});
