// Several clients by name: static, added, resolved at run time, closed when nobody uses them.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  createMailClient,
  createMailClients,
  type MailClientOptions,
  type MailClients,
  type MailClock,
} from '../src/index.ts';
import { createFakeMailClient } from '../src/testing/index.ts';
import { accountOf, mailTo } from './helpers.ts';

let sandbox: Sandbox;
let clients: MailClients;

beforeEach(async () => {
  sandbox = await createSandbox();
  clients = createMailClients();
});
afterEach(async () => {
  await clients.close();
  await sandbox.close();
});

const tenant = (): MailClientOptions => ({ account: accountOf(sandbox) });

/** A clock that is set by hand. */
class Clock implements MailClock {
  #now = 0;
  #timers = new Set<{ readonly at: number; readonly run: () => void }>();

  now = (): number => this.#now;
  after = (milliseconds: number, run: () => void): (() => void) => {
    const timer = { at: this.#now + milliseconds, run };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  };

  get timers(): number {
    return this.#timers.size;
  }

  advance(milliseconds: number): void {
    this.#now += milliseconds;
    for (const timer of [...this.#timers].filter(({ at }) => at <= this.#now)) {
      this.#timers.delete(timer);
      timer.run();
    }
  }
}

test('clients are found by name; default is the name of the one without', async () => {
  clients = createMailClients({ clients: { default: tenant(), reports: tenant() } });
  expect(clients.names).toEqual(['default', 'reports']);
  expect(clients.get().name).toBe('default');
  expect(clients.get('reports').name).toBe('reports');
  expect((await clients.get('reports').send(mailTo('ada@example.org'))).accepted).toEqual(['ada@example.org']);
  expect(await clients.resolve('reports')).toBe(clients.get('reports'));
  expect(clients.health()).toMatchObject({
    status: 'up',
    clients: { default: { status: 'up' }, reports: { status: 'up' } },
  });
});

test('unknown and duplicate names are errors with codes; options that cannot work name the client', () => {
  clients = createMailClients({ clients: { reports: tenant() } });
  expect(() => clients.get()).toThrow(expect.objectContaining({ code: 'ERR_MAIL_CLIENT_UNKNOWN', name: 'TypeError' }));
  expect(() => clients.add('reports', tenant())).toThrow(expect.objectContaining({ code: 'ERR_MAIL_CLIENT_EXISTS' }));
  expect(() => clients.add('hr', {})).toThrow('mail client "hr": account: is missing');
  expect(clients.has('hr')).toBe(false);
  expect(() => createMailClients({ idleAfter: 0 })).toThrow('idleAfter: expected milliseconds above 0');
  expect(() => createMailClients({ limit: 0.5 })).toThrow('limit: expected a whole number above 0');
});

test('who makes a client closes it: given ones stay open', async () => {
  const given = createFakeMailClient({ user: 'a@contoso.com' });
  clients = createMailClients({ clients: { given, made: tenant() } });
  const added = clients.add('added', tenant());
  const made = clients.get('made');
  await clients.close();
  await given.send(mailTo('ada@example.org'));
  for (const client of [made, added]) {
    await expect(client.send(mailTo('ada@example.org'))).rejects.toMatchObject({ code: 'ERR_MAILER_CLOSED' });
  }
  await expect(clients.resolve('made')).rejects.toMatchObject({ code: 'ERR_MAILER_CLOSED' });
  expect(() => clients.add('late', tenant())).toThrow(expect.objectContaining({ code: 'ERR_MAILER_CLOSED' }));
});

test('a client is resolved once for all who ask at the same time, and kept', async () => {
  const asked: string[] = [];
  clients = createMailClients({
    async resolve(name) {
      asked.push(name);
      await Promise.resolve();
      return name === 'contoso' ? tenant() : undefined;
    },
  });
  const [one, two] = await Promise.all([clients.resolve('contoso'), clients.resolve('contoso')]);
  expect(one).toBe(two);
  expect(await clients.resolve('contoso')).toBe(one);
  expect(clients.get('contoso').name).toBe('contoso');
  await expect(clients.resolve('fabrikam')).rejects.toMatchObject({ code: 'ERR_MAIL_CLIENT_UNKNOWN' });
  expect(asked).toEqual(['contoso', 'fabrikam']);
});

test('a failure to resolve is told to who asked, and the next one asks again', async () => {
  let works = false;
  clients = createMailClients({
    resolve() {
      if (!works) throw new Error('no database');
      return tenant();
    },
  });
  await expect(clients.resolve('contoso')).rejects.toThrow('no database');
  works = true;
  expect((await clients.resolve('contoso')).name).toBe('contoso');
});

test('a client that nobody used is closed, one that was used or still sends is not', async () => {
  const clock = new Clock();
  const waiting = { account: { host: '127.0.0.1', user: sandbox.mailbox, token: () => new Promise<never>(() => {}) } };
  const resolve = (name: string): MailClientOptions => (name === 'busy' ? waiting : tenant());
  clients = createMailClients({ resolve, idleAfter: 1000, clock });
  const idle = await clients.resolve('idle');
  const used = await clients.resolve('used');
  const busy = await clients.resolve('busy');
  const begun = new Promise((resolve) => busy.on('sending', resolve));
  const controller = new AbortController();
  const sending = busy.send(mailTo('ada@example.org'), { signal: controller.signal });
  await begun;
  clock.advance(600);
  await used.send(mailTo('ada@example.org'));
  clock.advance(500);
  expect(clients.names).toEqual(['used', 'busy']);
  await expect(idle.send(mailTo('ada@example.org'))).rejects.toMatchObject({ code: 'ERR_MAILER_CLOSED' });
  expect((await clients.resolve('idle')).health().status).toBe('up'); // made anew
  controller.abort();
  await expect(sending).rejects.toMatchObject({ code: 'ERR_SMTP_ABORTED' });
  clock.advance(1100);
  expect(clients.names).toEqual([]);
  expect(clock.timers).toBe(0);
});

test('beyond the limit the one unused longest makes room; static clients do not count', async () => {
  const clock = new Clock();
  clients = createMailClients({ clients: { default: tenant() }, resolve: () => tenant(), limit: 2, clock });
  for (const name of ['a', 'b']) {
    await clients.resolve(name);
    clock.advance(1);
  }
  await nextTurn();
  await clients.resolve('a');
  clock.advance(1);
  await clients.resolve('c');
  await nextTurn();
  expect(clients.names).toEqual(['default', 'a', 'c']);
});

test('beyond the limit no client is closed before those who have just asked for it could send', async () => {
  clients = createMailClients({ resolve: async () => tenant(), limit: 1 });
  const send = async (name: string): Promise<readonly string[]> => {
    const client = await clients.resolve(name);
    return (await client.send(mailTo('ada@example.org'))).accepted;
  };
  expect(await Promise.all(['a', 'b', 'c'].map(send))).toEqual(Array(3).fill(['ada@example.org']));
});

test('settings that were being looked up when their client was removed are looked up again', async () => {
  const settings = { contoso: 'old' };
  let answer!: () => void;
  const answered = new Promise<void>((resolve) => (answer = resolve));
  clients = createMailClients({
    async resolve() {
      const label = settings.contoso;
      if (label === 'old') await answered;
      return { account: accountOf(sandbox, { label }) };
    },
  });
  const resolved = clients.resolve('contoso');
  settings.contoso = 'new';
  await clients.remove('contoso');
  answer();
  expect((await resolved).health().accounts).toMatchObject([{ account: 'new' }]);
  expect(await clients.resolve('contoso')).toBe(await resolved);
});

test('a removed client is closed after what it was given, and its settings are asked for anew', async () => {
  let asked = 0;
  clients = createMailClients({ resolve: () => ((asked += 1), tenant()) });
  const old = await clients.resolve('contoso');
  const sending = old.send(mailTo('ada@example.org'));
  await clients.remove('contoso');
  expect((await sending).accepted).toEqual(['ada@example.org']);
  expect(clients.has('contoso')).toBe(false);
  expect(await clients.resolve('contoso')).not.toBe(old);
  expect(asked).toBe(2);
  await clients.remove('nobody');
});

test('one that is resolved while the registry closes is refused and leaves nothing open', async () => {
  let found: ((options: MailClientOptions) => void) | undefined;
  clients = createMailClients({ resolve: () => new Promise((resolve) => (found = resolve)) });
  const resolving = clients.resolve('late');
  await clients.close();
  found?.(tenant());
  await expect(resolving).rejects.toMatchObject({ code: 'ERR_MAILER_CLOSED' });
  expect(clients.names).toEqual([]);
});

test('a mailer that was passed in stays open unless the client is told to close it', async () => {
  const { createMailer, clientCredentials } = await import('@mailgrant/core');
  const { tokenEndpoint, clientId, clientSecret, scope, smtp, ca, mailbox } = sandbox;
  const token = clientCredentials({ tokenEndpoint, clientId, clientSecret, scope });
  await using mailer = createMailer({ provider: 'microsoft365', ...smtp, ca, user: mailbox, token });
  const mail = mailTo('ada@example.org', { from: mailbox });
  const client = createMailClient({ mailer });
  expect((await client.send(mail)).account).toBeUndefined();
  await client.close();
  const closing = createMailClient({ mailer, closeMailer: true });
  await closing.send(mail);
  await closing.close();
  await expect(createMailClient({ mailer }).send(mail)).rejects.toMatchObject({ code: 'ERR_MAILER_CLOSED' });
});
