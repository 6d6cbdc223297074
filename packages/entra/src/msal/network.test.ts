import { expect, test } from 'vitest';
import { createNetwork } from './network.ts';

const POLL = 'grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&client_id=app&device_code=canary';
const network = (status: number, body: unknown, pauses: number[] = []) =>
  createNetwork(
    { fetch: () => Promise.resolve(Response.json(body, { status })), timeout: 5000, now: Date.now },
    (milliseconds) => {
      pauses.push(milliseconds);
      return Promise.resolve();
    },
  );

test('asked to slow down, a poll waits five seconds more, and the sign-in goes on', async () => {
  const pauses: number[] = [];
  const device = network(400, { error: 'slow_down' }, pauses);
  expect(await device.sendPostRequestAsync('https://login.example/t/token', { body: POLL })).toMatchObject({
    status: 400,
    body: { error: 'authorization_pending' },
  });
  expect(pauses).toEqual([5000]);
});

test('a device code that names no interval is polled for every five seconds, not without a pause', async () => {
  const answer = { device_code: 'd', user_code: 'u', verification_uri: 'https://login.example/device' };
  const device = network(200, answer);
  const { body } = await device.sendPostRequestAsync('https://login.example/t/devicecode', { body: 'client_id=app' });
  expect(body).toEqual({ ...answer, interval: 5, expires_in: 900 });
});

test('MSAL is given no way to look anything up', async () => {
  await expect(network(200, {}).sendGetRequestAsync('https://login.example/discovery?x=1')).rejects.toMatchObject({
    code: 'ERR_OAUTH_SOURCE',
    message: expect.stringContaining('https://login.example/discovery,'),
  });
});
