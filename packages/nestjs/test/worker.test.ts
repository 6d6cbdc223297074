// The outbox in an application, with the worker in the same process and in another one.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clientCredentials } from '@mailgrant/core';
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { connectOutbox, hostOutbox, type HostedWorkerOptions, openStore } from '@mailgrant/worker';
import { Injectable, Scope } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  getOutboxToken,
  InjectOutbox,
  mailboxOf,
  MailWorkerModule,
  type Outbox,
  ScheduledMail,
} from '../src/worker/index.ts';
import { Lines, mailTo } from './helpers.ts';

let sandbox: Sandbox;
/** A database that is made; a copy of it takes less time than making another. */
let template: string;
let dir: string;
const folder = (): string => mkdtempSync(join(tmpdir(), 'mailgrant-store-'));
const remove = (path: string): void => rmSync(path, { recursive: true, force: true, maxRetries: 5 });

beforeAll(async () => {
  template = folder();
  await (await openStore({ kind: 'embedded', dir: template, durability: 'process-crash' })).close();
});
afterAll(() => remove(template));

beforeEach(async () => {
  dir = folder();
  cpSync(template, dir, { recursive: true });
  sandbox = await createSandbox();
});
const closing: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of closing.splice(0).reverse()) await each.close();
  await sandbox.close();
  remove(dir);
});

function workerOptions(): HostedWorkerOptions {
  const { smtp, ca, mailbox: user, tokenEndpoint, clientId, clientSecret, scope } = sandbox;
  const token = clientCredentials({ tokenEndpoint, clientId, clientSecret, scope });
  return {
    store: { kind: 'embedded', dir, durability: 'process-crash' },
    mailboxes: { noreply: mailboxOf({ provider: 'microsoft365', ...smtp, ca, user, token }) },
    drain: 1000,
  };
}

@Injectable()
class Orders {
  readonly #outbox: Outbox;

  constructor(@InjectOutbox() outbox: Outbox) {
    this.#outbox = outbox;
  }

  confirm(to: string) {
    return this.#outbox.scheduleMail({ mailbox: 'noreply', mail: mailTo(to), idempotencyKey: to });
  }
}

@Injectable()
class Digest {
  readonly #greeting = 'Good morning';

  @ScheduledMail({ id: 'digest', cron: '* * * * * *', timeZone: 'UTC', recipients: 'readers' })
  digest({ recipient, occurrence }: { recipient: string; occurrence: number }) {
    return { ...mailTo(recipient, `Digest ${occurrence}`), text: this.#greeting };
  }

  async *readers() {
    yield 'ada@example.org';
  }
}

test(
  'the worker is in the application: mails and schedules go out, and it ends with the application',
  { timeout: 60_000 },
  async () => {
    const module = await Test.createTestingModule({
      imports: [MailWorkerModule.forRoot({ worker: workerOptions(), isGlobal: true })],
      providers: [Orders, Digest],
    }).compile();
    closing.push(module);
    await module.init();
    expect(await module.get(Orders).confirm('grace@example.org')).toMatchObject({ created: true });
    expect(await module.get(Orders).confirm('grace@example.org')).toMatchObject({ created: false });
    await sandbox.inbox.waitFor(({ envelope }) => envelope.to.includes('grace@example.org'), { timeout: 20_000 });
    const digest = await sandbox.inbox.waitFor(({ subject }) => subject.startsWith('Digest '), { timeout: 20_000 });
    expect(Buffer.from(digest.raw).toString()).toContain('\r\n\r\nGood morning');
    // other processes, such as `mailgrant-worker list`, reach it
    expect((await connectOutbox({ dir }).list()).mails.length).toBeGreaterThan(1);
    await module.close();
    await expect(connectOutbox({ dir }).list()).rejects.toThrow('No worker listens');
  },
);

test('the worker is in another process: the application only hands over', { timeout: 60_000 }, async () => {
  const other = await hostOutbox({ worker: workerOptions() });
  closing.push(other);
  await other.start();
  const lines = new Lines();
  const module = await Test.createTestingModule({
    imports: [MailWorkerModule.forRootAsync({ useFactory: () => ({ dir }) })],
    providers: [Digest],
  })
    .setLogger(lines)
    .compile();
  closing.push(module);
  await module.init();
  const outbox = module.get<Outbox>(getOutboxToken(), { strict: false });
  await outbox.scheduleMail({ mailbox: 'noreply', mail: mailTo('ada@example.org') });
  await sandbox.inbox.waitFor(1, { timeout: 20_000 });
  expect(lines.lines).toEqual([
    'warn [MailWorkerModule] the schedules digest do not run here: the worker is in another process',
  ]);
});

test('mistakes end the start, with the place', async () => {
  @Injectable()
  class Broken {
    @ScheduledMail({ id: 'digest', cron: '* * * * *', timeZone: 'UTC', recipients: 'reader' })
    digest() {
      return mailTo('ada@example.org');
    }
  }
  const start = async (options: object, ...providers: (typeof Broken)[]) => {
    const module = await Test.createTestingModule({
      imports: [MailWorkerModule.forRoot(options)],
      providers,
    }).compile();
    closing.push({ close: () => module.close().catch(() => {}) }); // Nest 11 tells again why it did not start
    await module.init();
  };
  await expect(start({ dir: '/none' }, Broken)).rejects.toThrow(
    'Broken.digest: there is no method "reader" for its recipients',
  );
  await expect(start({})).rejects.toThrow('give one of outbox, dir, socket, store and worker; got none of them');
  await expect(start({ dir: '/none', socket: '/none' })).rejects.toThrow('got dir and socket');

  @Injectable({ scope: Scope.REQUEST })
  class Anew extends Broken {}
  await expect(start({ dir: '/none' }, Anew)).rejects.toThrow('made anew for each request has no schedules');
});
