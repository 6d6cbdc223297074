// The sandbox's clock moved on by hand, from code and over HTTP.
import { expect, test } from 'vitest';
import { createSandbox, type Sandbox } from '../src/index.ts';
import { fetchToken, mailer, RawClient, requestToken, xoauth2 } from './clients.ts';

const advance = async (sandbox: Sandbox, milliseconds: unknown) => {
  const init = { method: 'POST', headers: { 'content-type': 'application/json' } };
  const body = JSON.stringify({ advance: milliseconds });
  const response = await fetch(new URL('/api/clock', sandbox.url), { ...init, body });
  return { status: response.status, body: (await response.json()) as { now?: string } };
};

test('a token expires without waiting, and secrets do', async () => {
  const hour = 3_600_000;
  const start = Date.parse('2026-11-20T10:00:00Z');
  await using sandbox = await createSandbox({
    now: () => start,
    tenants: [{ apps: [{ secrets: [{ expiresAt: start + 2 * hour }] }] }],
  });
  const token = await fetchToken(sandbox);
  (await RawClient.authenticated(sandbox, token)).close();
  sandbox.advance(hour);
  using client = await RawClient.secure(sandbox);
  expect(await client.command(`AUTH XOAUTH2 ${xoauth2(sandbox.mailbox, token)}`)).toMatch(/^535 5\.7\.3 /);
  expect(sandbox.tokenRequests.at(-1)?.at).toBe(start);
  expect(await advance(sandbox, hour)).toEqual({ status: 200, body: { now: '2026-11-20T12:00:00.000Z' } });
  expect((await requestToken(sandbox)).body['error_codes']).toEqual([7000222]);
  const now = await fetch(new URL('/api/clock', sandbox.url));
  expect(await now.json()).toEqual({ now: '2026-11-20T12:00:00.000Z' });
});

test('a minute’s limit is free again', async () => {
  await using sandbox = await createSandbox({ smtp: { limits: { messagesPerMinute: 1, overRate: 'refuse' } } });
  const transport = mailer(sandbox, await fetchToken(sandbox));
  const send = () => transport.sendMail({ from: sandbox.mailbox, to: 'ada@example.com' });
  await send();
  await expect(send()).rejects.toMatchObject({ responseCode: 432 });
  sandbox.advance(60_000);
  await send();
  expect(sandbox.inbox.messages).toHaveLength(2);
});

test.each([-1, Number.NaN, 'an hour', null])('%s is no time to come', async (milliseconds) => {
  await using sandbox = await createSandbox();
  expect(() => sandbox.advance(milliseconds as number)).toThrow(TypeError);
  expect(await advance(sandbox, milliseconds)).toMatchObject({ status: 400 });
});
