// Faults over HTTP, as another process sets them.
import { expect, test } from 'vitest';
import { createSandbox, FAULTS, type Sandbox } from '../src/index.ts';
import { fetchToken, mailer, RawClient, requestToken } from './clients.ts';

async function call(
  sandbox: Sandbox,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
) {
  const json = { 'content-type': 'application/json', ...headers };
  const init = body === undefined ? { headers } : { headers: json, body: JSON.stringify(body) };
  const response = await fetch(new URL(path, sandbox.url), { method, ...init });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
}

test('a fault is set by name, listed, strikes, and is gone', async () => {
  await using sandbox = await createSandbox();
  expect(await call(sandbox, 'POST', '/api/faults', { name: 'token-throttled' })).toEqual({
    status: 201,
    body: { id: 'entra-1', on: 'entra', point: 'TOKEN', name: 'token-throttled', left: 1 },
  });
  await call(sandbox, 'POST', '/api/faults', { name: 'service-not-active', on: 'hve', times: 'until-cleared' });
  const listed = await call(sandbox, 'GET', '/api/faults');
  expect(listed.body).toMatchObject({
    waiting: [{ id: 'entra-1' }, { id: 'hve-1', on: 'hve', point: 'GREETING', left: 'until-cleared' }],
    known: FAULTS.map(({ name, on, says }) => ({ name, on, says })),
  });
  expect((await requestToken(sandbox)).status).toBe(429);
  expect((await requestToken(sandbox)).status).toBe(200);
  expect(sandbox.faults).toHaveLength(1);
  expect(await call(sandbox, 'DELETE', '/api/faults/hve-1')).toEqual({ status: 204, body: undefined });
  expect(await call(sandbox, 'DELETE', '/api/faults/hve-1')).toMatchObject({ status: 404 });
  await call(sandbox, 'POST', '/api/faults', { name: 'drip' });
  await call(sandbox, 'DELETE', '/api/faults');
  expect(sandbox.faults).toEqual([]);
});

test('faults without a name are told as they are', async () => {
  await using sandbox = await createSandbox();
  const set = (body: object) => call(sandbox, 'POST', '/api/faults', body);
  await set({ on: 'exchange', point: 'RCPT', reply: '451 4.7.0 Later\n451 4.7.0 please', times: 2 });
  const transport = mailer(sandbox, await fetchToken(sandbox));
  const mail = { from: sandbox.mailbox, to: 'ada@example.com' };
  await expect(transport.sendMail(mail)).rejects.toMatchObject({ responseCode: 451 });
  await expect(transport.sendMail(mail)).rejects.toMatchObject({ responseCode: 451 });
  await transport.sendMail(mail);
  await set({ point: 'GREETING', raw: '220-half', close: 'end' });
  using client = RawClient.dial(sandbox);
  expect([await client.reply(), client.unread]).toEqual(['', '220-half']);
  await set({ on: 'entra', aadsts: 7000222 });
  await set({ on: 'entra', status: 418, text: '<p>tea</p>', headers: { 'x-pot': 'yes' } });
  expect((await requestToken(sandbox)).body['error_codes']).toEqual([7000222]);
  const response = await fetch(sandbox.tokenEndpoint, { method: 'POST' });
  expect([response.status, response.headers.get('x-pot'), await response.text()]).toEqual([418, 'yes', '<p>tea</p>']);
});

test.each([
  [{ name: 'no-such-fault' }, 'there is no fault "no-such-fault"'],
  [{ name: 'token-hangs', on: 'exchange' }, 'token-hangs is a fault of Entra ID'],
  [{ name: 'drip', reply: '250 a' }, 'reply: no such field'],
  [{ name: 7 }, 'name: expected a text'],
  [{ on: 'exchange' }, 'point: expected one of GREETING, EHLO'],
  [{ on: 'mars', point: 'MAIL' }, 'on: expected one of entra, exchange, hve'],
  [{ point: 'MAIL', times: 0 }, 'times: expected a number or "until-cleared"'],
  [{ point: 'MAIL', delay: 'long' }, 'delay: expected a number'],
  [{ point: 'MAIL', close: 'slam' }, 'close: expected one of end, reset'],
  [{ on: 'entra', aadsts: 1 }, "AADSTS1 is not in the sandbox's table"],
  [{ on: 'entra', headers: null }, 'headers: expected an object'],
  [[], 'the body has to be a JSON object'],
])('a mistake in a fault is told: %j', async (body, message) => {
  await using sandbox = await createSandbox();
  const { status, body: answer } = await call(sandbox, 'POST', '/api/faults', body);
  expect({ status, answer }).toMatchObject({
    status: 400,
    answer: { error: 'invalid_request', message: expect.stringContaining(message) },
  });
  expect(sandbox.faults).toEqual([]);
});

test('a page from elsewhere can neither set nor clear faults', async () => {
  await using sandbox = await createSandbox();
  sandbox.fault('drip');
  const from = (origin: string) => ({ origin });
  const foreign = from('https://evil.example');
  expect((await call(sandbox, 'POST', '/api/faults', { name: 'drip' }, foreign)).status).toBe(400);
  expect((await call(sandbox, 'DELETE', '/api/faults', undefined, foreign)).status).toBe(400);
  expect((await call(sandbox, 'DELETE', '/api/messages', undefined, from('null'))).status).toBe(400);
  // What a form or a "simple" request may send without being asked.
  const plain = await fetch(new URL('/api/faults', sandbox.url), { method: 'POST', body: '{"name":"drip"}' });
  expect(plain.status).toBe(400);
  expect(sandbox.faults).toHaveLength(1);
  const own = from(new URL(sandbox.url).origin);
  expect((await call(sandbox, 'DELETE', '/api/faults', undefined, own)).status).toBe(204);
});
