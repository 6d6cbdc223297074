import { once } from 'node:events';
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { InputError } from '@mailgrant/core';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { controlClient, controlOutbox } from '../src/process/control-client.ts';
import {
  type ControlMethods,
  type ControlServer,
  listenForControl,
  socketPathOf,
} from '../src/process/control-server.ts';
import { collectStreams, decode, encode } from '../src/process/wire-json.ts';
import { createDirectory, type TestDirectory } from './support/embedded.ts';

describe('JSON on the socket', () => {
  test.each([
    [{ a: [1, 'x', null, true], b: { c: Buffer.from([0, 255]) } }],
    [{ at: new Date(86_400_000), nested: [new Date(0)] }],
    [{ $bytes: 'aGk=', other: 1 }],
    [{ $plain: [['a', 1]] }],
    [{ $date: 7, x: { $bytes: Buffer.from('hi') } }],
    ['text'],
    [null],
  ])('%j comes back as it was', (value) => {
    expect(decode(encode(value))).toEqual(value);
  });

  test('takes any view of bytes', () => {
    const bytes = new Uint8Array([1, 2, 3, 4]).subarray(1, 3);
    expect(decode(encode({ bytes }))).toEqual({ bytes: Buffer.from([2, 3]) });
  });

  test('streams are read first', async () => {
    const mail = {
      subject: 'x',
      attachments: [{ content: Readable.from(['a', Buffer.from('b')]) }],
      date: new Date(5),
    };
    expect(await collectStreams(mail)).toEqual({ ...mail, attachments: [{ content: Buffer.from('ab') }] });
  });
});

describe('the local socket', () => {
  let directory: TestDirectory;
  let server: ControlServer | undefined;
  beforeEach(() => {
    directory = createDirectory();
  });
  afterEach(async () => {
    await server?.close();
    server = undefined;
    directory[Symbol.dispose]();
  });

  const listen = async (methods: ControlMethods): Promise<string> => {
    server = await listenForControl(socketPathOf(directory.dir), methods);
    return server.path;
  };

  test('calls the worker', async () => {
    const path = await listen({ add: async (a: number, b: number) => a + b, nothing: async () => undefined });
    const call = controlClient(path);
    expect(await call('add', 2, 3)).toBe(5);
    expect(await call('nothing')).toBeUndefined();
    await expect(call('toString')).rejects.toThrow('This worker does not know "toString".');
  });

  test('belongs to its user alone', async () => {
    const path = await listen({});
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test('an outbox at the other end: mails with streams go in, errors come back as what they were', async () => {
    const seen: unknown[] = [];
    const path = await listen({
      'outbox.scheduleMails': async (mails: never) => {
        seen.push(mails);
        return [{ id: '1', created: true }];
      },
      'outbox.cancel': async () => Promise.reject(new InputError('ERR_INPUT_OPTION', 'ref: no')),
      'outbox.get': async () => Promise.reject(Object.assign(new Error('closed'), { code: 'ERR_STORE_CLOSED' })),
    });
    const outbox = controlOutbox(controlClient(path));
    const mail = { to: 'ada@example.org', attachments: [{ content: Readable.from(['hi']) }] };
    const sendAt = new Date(5);
    expect(await outbox.scheduleMails([{ mailbox: 'noreply', mail, sendAt }])).toEqual([{ id: '1', created: true }]);
    expect(seen).toEqual([
      [{ mailbox: 'noreply', mail: { ...mail, attachments: [{ content: Buffer.from('hi') }] }, sendAt }],
    ]);
    await expect(outbox.cancel('x')).rejects.toThrow(new InputError('ERR_INPUT_OPTION', 'ref: no'));
    await expect(outbox.cancel('x')).rejects.toBeInstanceOf(InputError);
    await expect(outbox.get('x')).rejects.toThrow(expect.objectContaining({ code: 'ERR_STORE_CLOSED' }));
    const db = { query: async () => ({ rows: [] }) };
    await expect(outbox.scheduleMail({ mailbox: 'noreply', mail }, { db })).rejects.toThrow(
      'transactions need PostgreSQL',
    );
  });

  test('takes the place of what a killed worker left behind', async () => {
    const old = createServer().listen(join(directory.dir, 'old.sock'));
    await once(old, 'listening');
    await rename(join(directory.dir, 'old.sock'), socketPathOf(directory.dir));
    await new Promise((resolve) => old.close(resolve));
    const path = await listen({ ping: async () => 'pong' });
    expect(await controlClient(path)('ping')).toBe('pong');
  });

  test('takes the place of nothing else', async () => {
    const path = socketPathOf(directory.dir);
    await writeFile(path, 'precious');
    await expect(listen({})).rejects.toMatchObject({
      code: 'ERR_WORKER_SOCKET',
      message: `The socket ${path} cannot be opened: a file that is no socket is there. Give another path as \`socket\` in the configuration.`,
    });
    expect(await readFile(path, 'utf8')).toBe('precious');
  });

  test('ends, though somebody stopped in the middle of a request', async () => {
    const path = await listen({});
    const client = connect(path);
    client.on('error', () => {}); // it is cut off
    client.write('POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 100\r\n\r\n');
    await once(client, 'data'); // it is asked to go on
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const closing = server?.close();
    server = undefined;
    await vi.advanceTimersByTimeAsync(5_000);
    vi.useRealTimers();
    await expect(closing).resolves.toBeUndefined();
  });

  test('says that no worker runs', async () => {
    const path = socketPathOf(directory.dir);
    await expect(controlClient(path)('ping')).rejects.toThrow(
      expect.objectContaining({
        code: 'ERR_WORKER_NOT_RUNNING',
        message: `No worker listens on ${path}; start it with \`mailgrant-worker run\`.`,
      }),
    );
  });

  test('says that the worker hung up', async () => {
    const path = socketPathOf(directory.dir);
    const hangsUp = createServer((socket) => socket.destroy()).listen(path);
    await once(hangsUp, 'listening');
    await expect(controlClient(path)('ping')).rejects.toThrow(expect.objectContaining({ code: 'ERR_WORKER_SOCKET' }));
    hangsUp.close();
  });

  test('says that its path is too long', async () => {
    const path = socketPathOf(join(directory.dir, 'x'.repeat(100)));
    await expect(listenForControl(path, {})).rejects.toThrow(
      'paths of sockets have 103 bytes at most. Give another path',
    );
  });

  test('is a named pipe on Windows', () => {
    expect(socketPathOf('C:\\data\\mail', 'win32')).toMatch(/^\\\\\.\\pipe\\mailgrant-[\w-]+$/);
  });
});
