import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type SocketOptions, connectTcp } from './socket.ts';

let server: net.Server;
let options: SocketOptions;
beforeEach(async () => {
  server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  options = { host: '127.0.0.1', port, timeouts: { connect: 5_000, tls: 5_000 } };
});
afterEach(() => void server.close());

/** A connection that still waits for what it needs, and its other end. */
async function connecting(signal?: AbortSignal) {
  let resolve!: (value: string) => void;
  let reject!: (error: Error) => void;
  const needed = new Promise<string>((...both) => ([resolve, reject] = both));
  const connected = connectTcp(options, needed, signal);
  connected.catch(() => {});
  const [peer] = (await once(server, 'connection')) as [Socket];
  for (let i = 0; i < 5; i += 1) await turn();
  return { resolve, reject, connected, peer };
}

test('a connection is handed over with what it needs, and what came meanwhile is there', async () => {
  const { resolve, connected, peer } = await connecting();
  peer.write('220 early\r\n');
  for (let i = 0; i < 5; i += 1) await turn();
  resolve('TLS');
  const [socket, found] = await connected;
  expect(found).toBe('TLS');
  expect(String((await once(socket, 'data'))[0])).toBe('220 early\r\n');
  socket.destroy();
});

test('one that was lost while it waited is not handed over', async () => {
  const { resolve, connected, peer } = await connecting();
  peer.resetAndDestroy();
  for (let i = 0; i < 20; i += 1) await turn();
  resolve('TLS');
  await expect(connected).rejects.toMatchObject({
    code: 'ERR_SMTP_CONNECT',
    stage: 'connect',
    message: expect.stringContaining('ECONNRESET'),
  });
});

test('an abort while it waits closes it', async () => {
  const controller = new AbortController();
  const { resolve, connected, peer } = await connecting(controller.signal);
  controller.abort();
  await once(peer.resume(), 'close');
  resolve('TLS');
  await expect(connected).rejects.toMatchObject({ code: 'ERR_SMTP_ABORTED', stage: 'connect' });
});

test('where what it needs cannot be had it is closed', async () => {
  const { reject, connected, peer } = await connecting();
  reject(new Error('no TLS here'));
  await expect(connected).rejects.toThrow('no TLS here');
  await once(peer.resume(), 'close');
});
