import { readdir, readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { createSandbox, type Sandbox, transcript } from '../src/index.ts';
import { fetchToken, mailer, RawClient, requestToken, xoauth2 } from './clients.ts';

const PIXEL = Buffer.from('R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==', 'base64');
const HOSTILE = '<script>alert(1)</script>';

async function send(sandbox: Sandbox, mail: object = {}) {
  const token = await sandbox.entra.issue();
  await mailer(sandbox, token).sendMail({ from: sandbox.mailbox, to: 'ada@example.com', subject: 'Report', ...mail });
  return sandbox.inbox.messages.at(-1);
}

const get = (sandbox: Sandbox, path: string) => fetch(new URL(path, sandbox.url));
const json = async (sandbox: Sandbox, path: string): Promise<unknown> => (await get(sandbox, path)).json();

describe('the inbox over HTTP', () => {
  test('lists messages, tells one in full, gives its exact source and its parts', async () => {
    await using sandbox = await createSandbox();
    const message = await send(sandbox, {
      from: `Contoso <${sandbox.mailbox}>`,
      text: 'plain',
      html: '<p>rich</p><img src="cid:pixel@contoso">',
      attachments: [
        { filename: 'pixel.gif', content: PIXEL, cid: 'pixel@contoso' },
        { filename: 'Übersicht "1".html', content: HOSTILE, contentType: 'text/html' },
      ],
    });
    expect(await json(sandbox, '/api/messages')).toMatchObject([
      { id: '1', subject: 'Report', from: [{ name: 'Contoso', address: sandbox.mailbox }], hasAttachments: true },
    ]);
    expect(await json(sandbox, '/api/messages/1')).toMatchObject({
      text: 'plain\n',
      html: true,
      remoteContent: false,
      attachments: [
        { filename: 'pixel.gif', mimeType: 'image/gif', contentId: 'pixel@contoso', size: PIXEL.length },
        {},
      ],
      identity: { clientId: sandbox.clientId },
      roundTrips: 2,
      session: { id: 1, clientName: '[127.0.0.1]' },
    });
    const source = await get(sandbox, '/api/messages/1/source');
    expect(Buffer.from(await source.arrayBuffer()).equals(message?.raw ?? Buffer.alloc(0))).toBe(true);
    const file = await get(sandbox, '/api/messages/1/attachments/1');
    expect(await file.text()).toBe(HOSTILE);
    expect(Object.fromEntries(file.headers)).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-disposition': "attachment; filename*=UTF-8''%C3%9Cbersicht%20%221%22.html",
      'x-content-type-options': 'nosniff',
    });
    const html = await get(sandbox, '/api/messages/1/html');
    expect(await html.text()).toContain(`<img src="data:image/gif;base64,${PIXEL.toString('base64')}">`);
  });

  test('what is not there is 404, what cannot be done is 405', async () => {
    await using sandbox = await createSandbox();
    for (const path of ['/api/messages/1', '/api/messages/1/html', '/api/nothing', '/nothing', '/api/sessions/9']) {
      expect((await get(sandbox, path)).status).toBe(404);
    }
    await send(sandbox, { text: 'no HTML here' });
    expect((await get(sandbox, '/api/messages/1/html')).status).toBe(404);
    expect((await get(sandbox, '/api/messages/1/attachments/0')).status).toBe(404);
    const post = await fetch(new URL('/api/messages', sandbox.url), { method: 'POST' });
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, DELETE']);
  });

  test('removes one message or all, and never uses an id again', async () => {
    await using sandbox = await createSandbox();
    for (let count = 0; count < 3; count += 1) await send(sandbox);
    const remove = async (path: string) => (await fetch(new URL(path, sandbox.url), { method: 'DELETE' })).status;
    expect(await remove('/api/messages/2')).toBe(204);
    expect(await remove('/api/messages/2')).toBe(404);
    expect(sandbox.inbox.messages.map(({ id }) => id)).toEqual(['1', '3']);
    expect(await remove('/api/messages')).toBe(204);
    await send(sandbox);
    expect(sandbox.inbox.messages.map(({ id }) => id)).toEqual(['4']);
  });

  test('tells what happens as it happens', async () => {
    await using sandbox = await createSandbox();
    const stream = await get(sandbox, '/api/events');
    const events = readEvents(stream);
    await send(sandbox, { subject: 'live' });
    expect(await events('message')).toMatchObject({ id: '1', subject: 'live' });
    await requestToken(sandbox);
    await events('activity');
    sandbox.inbox.clear();
    await events('removed');
    expect(stream.headers.get('content-type')).toBe('text/event-stream');
  });

  test('shows sessions and token requests, and where the sandbox is', async () => {
    await using sandbox = await createSandbox();
    await requestToken(sandbox, { client_secret: 'wrong' });
    using client = await RawClient.secure(sandbox);
    const token = await sandbox.entra.issue({ audience: 'https://graph.microsoft.com' });
    await client.command(`AUTH XOAUTH2 ${xoauth2(sandbox.mailbox, token)}`);
    expect(await json(sandbox, '/api/token-requests')).toMatchObject([{ outcome: 'refused', error: 'AADSTS7000215' }]);
    expect(await json(sandbox, '/api/sessions')).toMatchObject([
      { id: 1, open: true, messages: 0, refusal: expect.stringMatching(/^535 5\.7\.3 /) },
    ]);
    const { conversation } = (await json(sandbox, '/api/sessions/1')) as { conversation: { text: string }[] };
    expect(conversation.at(-2)?.text).toBe(
      'refused: the token is for https://graph.microsoft.com, not for Exchange Online',
    );
    expect(await json(sandbox, '/api/connection')).toMatchObject({ smtp: sandbox.smtp, mailbox: sandbox.mailbox });
    expect(await (await get(sandbox, '/api/ca.pem')).text()).toBe(sandbox.ca);
  });
});

describe('hostile mail', () => {
  test('is shown in a sandbox that runs nothing and loads nothing', async () => {
    await using sandbox = await createSandbox();
    await send(sandbox, { subject: HOSTILE, html: `<head></head>${HOSTILE}<img src="https://tracker.example/p.png">` });
    const html = await get(sandbox, '/api/messages/1/html');
    const policy = html.headers.get('content-security-policy');
    expect(policy).toMatch(/^sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data:;/);
    expect(policy).not.toMatch(/allow-scripts|allow-same-origin|script-src|https?:/);
    expect(await json(sandbox, '/api/messages/1')).toMatchObject({ subject: HOSTILE, remoteContent: true });
    const list = await get(sandbox, '/api/messages');
    expect(list.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(list.headers.get('x-content-type-options')).toBe('nosniff');
  });

  test('cannot get a type of its own into the rendered page', async () => {
    await using sandbox = await createSandbox();
    await send(sandbox, {
      html: '<img src="cid:x@y">',
      attachments: [{ filename: 'x', cid: 'x@y', content: HOSTILE, contentType: 'text/html;"onload=' }],
    });
    expect(await (await get(sandbox, '/api/messages/1/html')).text()).toContain('<img src="cid:x@y">');
  });

  test('the page itself takes only its own scripts, and they never turn a string into HTML', async () => {
    await using sandbox = await createSandbox();
    const page = await get(sandbox, '/');
    expect(page.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; /,
    );
    const names = [...(await page.text()).matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path ?? '');
    const folder = new URL('../src/page/', import.meta.url);
    const files = (await readdir(folder)).filter((name) => /\.(js|css|svg)$/.test(name)).map((name) => `/${name}`);
    for (const path of new Set([...names, ...files])) {
      if (!path.startsWith('/api/')) expect([path, (await get(sandbox, path)).status]).toEqual([path, 200]);
    }
    for (const name of files.filter((path) => path.endsWith('.js'))) {
      const script = await readFile(new URL(name.slice(1), folder), 'utf8');
      expect(script).not.toMatch(
        /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|https?:\/\//,
      );
    }
  });

  test('a site that points its name at this machine gets nothing', async () => {
    await using sandbox = await createSandbox();
    const { port } = new URL(sandbox.url);
    const status = await new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port, path: '/api/messages', headers: { host: 'rebound.example' } };
      request(options, (response) => resolve(response.resume().statusCode))
        .on('error', reject)
        .end();
    });
    expect(status).toBe(421);
  });
});

test('no token, secret or password is in any record, answer or page', async () => {
  await using sandbox = await createSandbox();
  const token = await fetchToken(sandbox);
  await mailer(sandbox, token).sendMail({ from: sandbox.mailbox, to: 'ada@example.com', text: 'a' });
  using client = await RawClient.secure(sandbox);
  const password = 'pass-word-canary';
  await client.command(`AUTH PLAIN ${Buffer.from(`\0user\0${password}`).toString('base64')}`);
  await client.command('AUTH LOGIN');
  await client.command(Buffer.from('user').toString('base64'));
  await client.command(Buffer.from(password).toString('base64'));
  const response = xoauth2('else@contoso.com', token);
  await client.command(`AUTH XOAUTH2 ${response}`);
  await client.command('AUTH XOAUTH2');
  await client.command(response.slice(1));
  await client.command(response);
  await client.command(`TOKEN ${response}`);
  await client.command(`AUTH ${response}`);
  await client.command(`AUTH XOAUTH2 ${token} ${token}`);
  await requestToken(sandbox, { client_id: 'nobody' });

  const shown = [
    inspect([sandbox.sessions, sandbox.tokenRequests, sandbox.inbox.messages, sandbox.exchange, sandbox.entra], {
      depth: 12,
      maxStringLength: null,
      maxArrayLength: null,
    }),
    ...sandbox.sessions.map(({ entries }) => transcript(entries)),
  ];
  const paths = ['messages', 'messages/1', 'sessions', 'sessions/1', 'sessions/2', 'token-requests', 'connection'];
  for (const path of paths) shown.push(await (await get(sandbox, `/api/${path}`)).text());
  const [, payload = '', signature = ''] = token.split('.');
  const canaries = [payload, signature, sandbox.clientSecret, password].flatMap((secret) => [
    secret,
    ...[0, 1, 2].map((shift) =>
      Buffer.from(`${'.'.repeat(shift)}${secret}`)
        .toString('base64')
        .slice(4, 28),
    ),
  ]);
  for (const canary of canaries) {
    for (const text of shown) expect(text.includes(canary)).toBe(false);
  }
  expect(shown.join()).toContain(`[token of app ${sandbox.clientId}, ${token.length} chars]`);
});

function readEvents(stream: Response): (type: string) => Promise<unknown> {
  const reader = (stream.body as ReadableStream<Uint8Array>).getReader();
  let text = '';
  return async (type) => {
    for (;;) {
      const match = new RegExp(`event: ${type}\ndata: (.*)\n\n`).exec(text);
      if (match !== null) {
        text = text.slice(match.index + match[0].length);
        return JSON.parse(match[1] ?? '');
      }
      const { value, done } = await reader.read();
      if (done) throw new Error('the stream ended');
      text += Buffer.from(value).toString();
    }
  };
}
