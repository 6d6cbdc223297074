// An outbox inside an application, with what only it needs.
import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hostOutbox, openStore } from '../src/index.ts';
import { createDirectory, createStoreDirectory } from './support/embedded.ts';
import { createDatabase } from './support/postgres.ts';

const mailer = (): never => {
  throw new Error('nothing is sent here');
};

test('a worker whose directory has too long a path for a socket does without', async () => {
  using made = await createStoreDirectory();
  using directory = createDirectory();
  const dir = join(directory.dir, 'x'.repeat(100));
  cpSync(made.dir, dir, { recursive: true });
  const problems: unknown[] = [];
  const host = await hostOutbox({
    worker: {
      store: { kind: 'embedded', dir, durability: 'process-crash' },
      mailboxes: { noreply: { mailer } },
      onProblem: (error) => problems.push(error),
    },
  });
  await host.start();
  expect(host.worker?.health().state).toBe('running');
  expect(problems).toMatchObject([{ code: 'ERR_WORKER_SOCKET' }]);
  expect(existsSync(join(dir, 'worker.sock'))).toBe(false);
  await host.close();
});

test('an outbox on PostgreSQL opens before any worker has made its tables', async () => {
  await using database = await createDatabase();
  const store = { kind: 'postgres', url: database.url } as const;
  await (await openStore(store)).close();
  const host = await hostOutbox({ store });
  const mail = { from: 'noreply@contoso.com', to: 'ada@example.com', text: 'x' };
  await expect(host.outbox.scheduleMail({ mailbox: 'noreply', mail })).rejects.toMatchObject({
    code: 'ERR_STORE_SCHEMA',
  });
  await host.close();
});
