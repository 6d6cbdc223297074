// Token endpoints on real sockets: what they are asked, and what comes of every answer, good, bad or hostile.
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { clientCredentials, type ClientCredentialsOptions } from '../src/oauth/client-credentials.ts';
import { TokenEndpointError } from '../src/oauth/token-endpoint-error.ts';
import { Secret } from '../src/secret.ts';
import { selfSigned } from './certificates.ts';
import { answer, createTokenServer, token, type TokenAnswer, type TokenServer } from './token-server.ts';

const CANARY = 'canary~Secret+with/odd=chars&8Q';
const NOW = 1_800_000_000_000;

let server: TokenServer;
beforeAll(async () => {
  server = await createTokenServer();
});
beforeEach(() => {
  server.answers(token('good'));
});
afterAll(async () => server[Symbol.asyncDispose]());

const source = (more: Partial<ClientCredentialsOptions> = {}) =>
  clientCredentials({
    tokenEndpoint: server.url,
    clientId: 'app',
    clientSecret: CANARY,
    scope: 'https://outlook.office365.com/.default',
    timeout: 5000,
    now: () => NOW,
    ...more,
  });

async function failure(more: Partial<ClientCredentialsOptions> = {}): Promise<TokenEndpointError> {
  try {
    await source(more)();
  } catch (error) {
    return error as TokenEndpointError;
  }
  throw new Error('a token came');
}

const GOOD = '{"access_token":"good","token_type":"bearer"}';
const UPGRADE = 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n';

/** Bytes past the server's HTTP, and some again and again. */
function raw(first: string, endlessly = ''): TokenAnswer {
  return ({ socket }) => {
    socket?.write(first);
    const pour = () => {
      while (endlessly !== '' && socket?.destroyed === false && socket.write(endlessly));
    };
    socket?.on('drain', pour);
    pour();
  };
}

/** Everything anybody could print of it. */
const printed = (value: unknown) => inspect(value, { depth: 20, showHidden: true }) + JSON.stringify(value);

/** Every run of twelve characters of the secret, and of its base64 at each offset. */
const forms = ['', 'x', 'xx']
  .map((before) =>
    Buffer.from(before + CANARY)
      .toString('base64')
      .slice(4, -4),
  )
  .concat(CANARY)
  .flatMap((form) => Array.from({ length: form.length - 11 }, (_, at) => form.slice(at, at + 12)));

test('asks as RFC 6749 section 4.4.2 has it, with the secret in the form', async () => {
  const before = server.requests.length;
  const got = await source({ extra: { audience: 'mail', grant_type: 'no' } })();
  expect(got).toMatchObject({ expiresAt: NOW + 3_600_000, refreshAt: undefined });
  const { form, headers } = server.requests[before] ?? {};
  expect(Object.fromEntries(form ?? [])).toEqual({
    grant_type: 'client_credentials',
    client_id: 'app',
    client_secret: CANARY,
    scope: 'https://outlook.office365.com/.default',
    audience: 'mail',
  });
  expect(headers).toMatchObject({
    accept: 'application/json',
    'accept-encoding': 'identity',
    'content-type': 'application/x-www-form-urlencoded',
  });
  expect(headers?.authorization).toBeUndefined();
});

test('may send the secret by the Authorization header, encoded as in a form', async () => {
  await source({ authMethod: 'basic', clientId: 'a:b' })();
  const { form, headers } = server.requests.at(-1) ?? {};
  expect(form?.has('client_secret')).toBe(false);
  expect(Buffer.from(headers?.authorization?.slice(6) ?? '', 'base64').toString()).toBe(
    'a%3Ab:canary%7ESecret%2Bwith%2Fodd%3Dchars%268Q',
  );
});

test('a client assertion is made for each request, with the client and the endpoint in hand', async () => {
  const asked: unknown[] = [];
  const get = clientCredentials({
    tokenEndpoint: server.url,
    clientId: 'app',
    scope: 's',
    clientAssertion: async (request) => {
      asked.push(request);
      return `jwt-${asked.length}`;
    },
  });
  await get();
  await get();
  expect(asked).toEqual(Array(2).fill({ clientId: 'app', tokenEndpoint: server.url }));
  expect(Object.fromEntries(server.requests.at(-1)?.form ?? [])).toMatchObject({
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: 'jwt-2',
  });
});

test('a secret may change without a restart, and come from a file with a line break at its end', async () => {
  const secrets = ['first-secret\n', new Secret('second-secret\r\n')];
  const get = source({ clientSecret: () => secrets.shift() ?? '' });
  await get();
  await get();
  expect(server.requests.slice(-2).map(({ form }) => form.get('client_secret'))).toEqual([
    'first-secret',
    'second-secret',
  ]);
  await expect(get()).rejects.toMatchObject({ code: 'ERR_INPUT_OPTION' });
  const cause = new Error('vault sealed');
  await expect(source({ clientSecret: () => Promise.reject(cause) })()).rejects.toMatchObject({
    code: 'ERR_OAUTH_SOURCE',
    cause,
  });
});

test.each<[string, Record<string, unknown>, { expiresAt: number; refreshAt?: number | undefined }]>([
  ['a number', { expires_in: 3599 }, { expiresAt: NOW + 3_599_000 }],
  [
    'a numeric string',
    { expires_in: '3599', refresh_in: '1800' },
    { expiresAt: NOW + 3_599_000, refreshAt: NOW + 1_800_000 },
  ],
  ['missing', { expires_in: undefined }, { expiresAt: NOW + 300_000 }],
  ['zero', { expires_in: 0 }, { expiresAt: NOW + 300_000 }],
  ['no number', { expires_in: 'soon', refresh_in: -1 }, { expiresAt: NOW + 300_000, refreshAt: undefined }],
  ['negative', { expires_in: -3600, refresh_in: '-1' }, { expiresAt: NOW + 300_000, refreshAt: undefined }],
  ['true', { expires_in: true, refresh_in: [1] }, { expiresAt: NOW + 300_000, refreshAt: undefined }],
  ['beyond all calendars', { expires_in: 1e300 }, { expiresAt: NOW + 365 * 86_400_000 }],
])('a lifetime that is %s', async (_, more, expected) => {
  server.answers(token('good', more));
  expect(await source()()).toMatchObject(expected);
});

test('tells how far the clock of the endpoint is ahead', async () => {
  server.answers(
    answer(200, { access_token: 'a', token_type: 'bearer' }, { date: new Date(NOW + 420_000).toUTCString() }),
  );
  expect(await source()()).toMatchObject({ clockSkew: 420_500 });
});

test("a refusal carries Microsoft's facts as fields", async () => {
  const description =
    "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app 'app'.\r\nTrace ID: t";
  server.answers(
    answer(401, {
      error: 'invalid_client',
      suberror: 'bad_token',
      error_description: description,
      error_codes: [7_000_215],
      timestamp: '2026-11-20 19:00:00Z',
      trace_id: 't',
      correlation_id: 'c',
    }),
  );
  const error = await failure({ clientSecret: '01234567-89ab-cdef-0123-456789abcdef' });
  expect(error).toBeInstanceOf(TokenEndpointError);
  expect(error).toMatchObject({
    name: 'TokenError',
    code: 'ERR_OAUTH_REFUSED',
    stage: 'token',
    status: 401,
    error: 'invalid_client',
    suberror: 'bad_token',
    description: description.replace('\r\n', ' '),
    aadsts: 7_000_215,
    traceId: 't',
    correlationId: 'c',
    timestamp: '2026-11-20 19:00:00Z',
    hint: expect.stringContaining('looks like a GUID'),
  });
  expect(error.message).toMatch(
    /^token endpoint http:.*\/token answered 401 invalid_client: AADSTS7000215: .*\(the client secret looks like a GUID/,
  );
  expect((await failure()).hint).toBeUndefined();
});

test.each<[string, TokenAnswer, Record<string, unknown>]>([
  [
    'a refusal with 400',
    answer(400, { error: 'invalid_scope' }),
    { code: 'ERR_OAUTH_REFUSED', error: 'invalid_scope' },
  ],
  ['a refusal with 200', answer(200, { error: 'invalid_client' }), { code: 'ERR_OAUTH_REFUSED', status: 200 }],
  [
    'the AADSTS number from the text',
    answer(400, { error: 'x', error_description: 'AADSTS700016: no' }),
    { aadsts: 700_016 },
  ],
  ['429 with seconds', answer(429, {}, { 'retry-after': '7' }), { code: 'ERR_OAUTH_UNAVAILABLE', retryAfter: 7000 }],
  [
    '429 with a date by a clock that is wrong',
    answer(429, {}, { date: 'Fri, 20 Nov 2026 19:00:00 GMT', 'retry-after': 'Fri, 20 Nov 2026 19:01:30 GMT' }),
    { retryAfter: 90_000 },
  ],
  [
    '429 with a date of the oldest form, in the past',
    answer(429, {}, { date: 'Fri, 20 Nov 2026 19:00:00 GMT', 'retry-after': 'Sun Nov  6 08:49:37 1994' }),
    { retryAfter: 0 },
  ],
  ['429 with nonsense', answer(429, {}, { 'retry-after': '-1 Tuesdays' }), { retryAfter: undefined }],
  ['503 with HTML', answer(503, '<html>busy'), { code: 'ERR_OAUTH_UNAVAILABLE', status: 503 }],
  [
    '500 with an OAuth error',
    answer(500, { error: 'server_error' }),
    { code: 'ERR_OAUTH_UNAVAILABLE', error: 'server_error' },
  ],
  ['temporarily_unavailable', answer(400, { error: 'temporarily_unavailable' }), { code: 'ERR_OAUTH_UNAVAILABLE' }],
  ['200 with HTML', answer(200, '<html>'), { code: 'ERR_OAUTH_MALFORMED', status: 200 }],
  ['401 with HTML', answer(401, '<html>'), { code: 'ERR_OAUTH_MALFORMED', status: 401 }],
  ['403 with JSON that is no OAuth', answer(403, { message: 'no' }), { code: 'ERR_OAUTH_MALFORMED', status: 403 }],
  ['200 with nothing', answer(200, ''), { code: 'ERR_OAUTH_MALFORMED' }],
  ['204', answer(204, ''), { code: 'ERR_OAUTH_MALFORMED', status: 204 }],
  ['200 with an empty object', answer(200, {}), { code: 'ERR_OAUTH_MALFORMED' }],
  ['200 with a list', answer(200, [{ access_token: 'a' }]), { code: 'ERR_OAUTH_MALFORMED' }],
  ['200 with null', answer(200, null), { code: 'ERR_OAUTH_MALFORMED' }],
  ['an empty token', token(''), { code: 'ERR_OAUTH_MALFORMED' }],
  ['a token with a line break', token('abc\r\nRCPT TO:<x@example.com>'), { code: 'ERR_OAUTH_MALFORMED' }],
  ['a token with NUL', token('abc\0'), { code: 'ERR_OAUTH_MALFORMED' }],
  ['a token that is no string', token('', { access_token: ['a'] }), { code: 'ERR_OAUTH_MALFORMED' }],
  ['a token of another type', token('a', { token_type: 'mac' }), { code: 'ERR_OAUTH_MALFORMED' }],
  ['a token of no type', token('a', { token_type: undefined }), { code: 'ERR_OAUTH_MALFORMED' }],
  ['a compressed answer', compressed, { code: 'ERR_OAUTH_MALFORMED' }],
  [
    'bytes that are no UTF-8',
    (response) => response.end(Buffer.from([0x7b, 0xff, 0x7d])),
    { code: 'ERR_OAUTH_MALFORMED' },
  ],
  ['a body that announces its size', answer(200, '', { 'content-length': '300000' }), { code: 'ERR_OAUTH_MALFORMED' }],
  ['a flood', flood(200), { code: 'ERR_OAUTH_MALFORMED', message: expect.stringContaining('more than 256 kB') }],
  ['a flood with 503', flood(503), { code: 'ERR_OAUTH_UNAVAILABLE' }],
  ['headers without end', raw('HTTP/1.1 200 OK\r\n', `x: ${'x'.repeat(1000)}\r\n`), { code: 'ERR_OAUTH_UNREACHABLE' }],
  ['a header without end', raw('HTTP/1.1 200 OK\r\nx: ', 'x'.repeat(1000)), { code: 'ERR_OAUTH_UNREACHABLE' }],
  [
    'trailers without end',
    raw('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n', `x: ${'x'.repeat(1000)}\r\n`),
    { code: 'ERR_OAUTH_UNREACHABLE' },
  ],
  ['another protocol to go on with', raw(UPGRADE), { code: 'ERR_OAUTH_UNREACHABLE' }],
  ['UTF-16', (response) => response.end(Buffer.from(GOOD, 'utf16le')), { code: 'ERR_OAUTH_MALFORMED' }],
  ['a hundred thousand lists in one another', answer(200, '['.repeat(100_000)), { code: 'ERR_OAUTH_MALFORMED' }],
  [
    'two tokens, the second with a line break',
    answer(200, GOOD.replace('{', '{"access_token":"a",').replace('"good"', String.raw`"b\n"`)),
    { code: 'ERR_OAUTH_MALFORMED' },
  ],
  ['a connection that is reset', (response) => response.destroy(), { code: 'ERR_OAUTH_UNREACHABLE' }],
  ['a body that breaks off', breakOff, { code: 'ERR_OAUTH_UNREACHABLE' }],
])('%s', async (_, how, expected) => {
  server.answers(how);
  expect(await failure()).toMatchObject(expected);
});

function compressed(...[response]: Parameters<TokenAnswer>) {
  response.writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'application/json' });
  response.end(gzipSync('{"access_token":"a","token_type":"bearer"}'));
}

function flood(status: number): TokenAnswer {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    const pour = () => {
      while (!response.destroyed && response.write(' '.repeat(16_384)));
    };
    response.on('drain', pour);
    pour();
  };
}

function breakOff(...[response]: Parameters<TokenAnswer>) {
  response.writeHead(200, { 'content-length': '100' });
  response.write('{"access_token":');
  setImmediate(() => response.destroy());
}

test.each<[string, TokenAnswer]>([
  ['never answers', () => undefined],
  [
    'stops within the answer',
    (response) => {
      response.writeHead(200);
      response.write('{"access_token":"a"');
    },
  ],
  ['only ever promises an answer', raw('', `HTTP/1.1 103 Early Hints\r\nx: ${'x'.repeat(1000)}\r\n\r\n`)],
  ['never ends its first line', raw('HTTP/1.1 200 ', 'x'.repeat(1000))],
  ['never ends a chunk’s line', raw('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;', 'x'.repeat(1000))],
  [
    'drips',
    (response) => {
      const drip = setInterval(() => response.write(' '), 5);
      response.on('close', () => {
        clearInterval(drip);
      });
    },
  ],
])('an endpoint that %s ends in a time-out', async (_, how) => {
  server.answers(how);
  const error = await failure({ timeout: 40 });
  expect(error).toMatchObject({
    code: 'ERR_OAUTH_TIMEOUT',
    message: `token endpoint ${server.url} gave no whole answer within 40 ms`,
  });
});

test('a fetch that does not listen ends in a time-out, too', async () => {
  expect(await failure({ timeout: 5, fetch: () => new Promise(() => undefined) })).toMatchObject({
    code: 'ERR_OAUTH_TIMEOUT',
  });
});

test.each([301, 302, 303, 307, 308])('a redirect with %i is named and not followed', async (status) => {
  await using elsewhere = await createTokenServer();
  server.answers(answer(status, '', { location: `${elsewhere.url}/${CANARY}?secret=${encodeURIComponent(CANARY)}` }));
  const error = await failure();
  expect(error).toMatchObject({ code: 'ERR_OAUTH_MALFORMED', status });
  expect(error.message).toContain(`to send us to ${elsewhere.url}/[redacted], which is not followed`);
  expect(elsewhere.requests).toHaveLength(0);
});

test('an endpoint that cannot be reached is told with the real cause', async () => {
  const closed = createTcpServer();
  await new Promise<void>((resolve) => {
    closed.listen(0, '127.0.0.1', resolve);
  });
  const { port } = closed.address() as AddressInfo;
  await new Promise((resolve) => closed.close(resolve));
  const error = await failure({ tokenEndpoint: `http://127.0.0.1:${port}/` });
  expect(error).toMatchObject({
    code: 'ERR_OAUTH_UNREACHABLE',
    message: `token endpoint http://127.0.0.1:${port}/ could not be reached: connect ECONNREFUSED 127.0.0.1:${port}`,
    cause: { code: 'ECONNREFUSED', syscall: 'connect', address: '127.0.0.1', port },
  });
});

test('an endpoint whose certificate nobody vouches for gets nothing', async () => {
  await using impostor = await createTokenServer(selfSigned());
  expect(await failure({ tokenEndpoint: impostor.url })).toMatchObject({
    code: 'ERR_OAUTH_UNREACHABLE',
    message: expect.stringContaining('DEPTH_ZERO_SELF_SIGNED_CERT'),
    cause: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
  });
  expect(impostor.requests).toHaveLength(0);
});

test.each([
  'http://login.example.com/token',
  'http://10.0.0.1/token',
  'http://127.0.0.1.example.com/',
  'ftp://127.0.0.1/',
  'https://user:canary-password@login.example.com/',
  'login.example.com/token',
  '',
])('the endpoint %j is refused before anything is sent', (tokenEndpoint) => {
  const attempt = () => source({ tokenEndpoint });
  expect(attempt).toThrow(expect.objectContaining({ name: 'TypeError', code: 'ERR_INPUT_OPTION' }));
  expect(attempt).not.toThrow('canary');
});

test.each<[string, Partial<ClientCredentialsOptions>]>([
  ['clientId', { clientId: '' }],
  ['clientSecret', { clientSecret: '' }],
  ['clientSecret', { clientSecret: 'canary\nsecret' }],
  ['clientSecret', { clientAssertion: async () => 'jwt' }],
  ['timeout', { timeout: -1 }],
])('the option %s is checked at once: %j', (name, options) => {
  const attempt = () => source(options);
  expect(attempt).toThrow(name);
  expect(attempt).not.toThrow('canary');
});

test.each(['http://127.0.0.1:1/', 'http://localhost:1/', 'http://[::1]:1/'])(
  'plain http to this machine (%s) will do',
  (tokenEndpoint) => {
    expect(source({ tokenEndpoint })).toBeTypeOf('function');
  },
);

const echoes: [string, TokenAnswer][] = [
  [
    'as they are',
    (response, { body }) =>
      answer(400, { error: 'invalid_request', error_description: body })(response, {
        body,
        headers: {},
        form: new URLSearchParams(),
      }),
  ],
  ...(['error', 'suberror', 'error_description', 'trace_id', 'correlation_id', 'timestamp'] as const).flatMap((field) =>
    [
      CANARY,
      encodeURIComponent(CANARY),
      Buffer.from(`x${CANARY}`).toString('base64'),
      `${CANARY.slice(4, 20)}…\x1b[2J`,
    ].map((echo): [string, TokenAnswer] => [
      `${field} ${echo}`,
      answer(400, { error: 'e', [field]: `you sent ${echo}` }),
    ]),
  ),
  ['content type', answer(200, 'x', { 'content-type': `text/${CANARY}` })],
  ['body that is no JSON', answer(200, `{"access_token": ${CANARY}`)],
  ['a header that is none', (response) => response.socket?.end(`HTTP/1.1 200 OK\r\n${CANARY}\r\n\r\n`)],
  ['a reason phrase', (response) => response.socket?.end(`HTTP/1.1 2000 ${CANARY}\r\n\r\n`)],
  ['another protocol', (response) => response.socket?.end(`220 ${CANARY} ESMTP\r\n`)],
];

test.each(echoes)('an endpoint that echoes our secrets in %s finds them in nothing that is printed', async (_, how) => {
  for (const authMethod of ['post', 'basic'] as const) {
    server.answers(how);
    const error = await failure({ authMethod });
    expect(error.code).toMatch(/^ERR_OAUTH_/);
    const text = printed(error);
    expect(forms.filter((form) => text.includes(form) || decodeURIComponent(text).includes(form))).toEqual([]);
    expect(text).not.toContain('\x1b');
  }
});

test('a source prints nothing of its secrets', () => {
  expect(printed(source())).not.toContain('canary');
});

test('texts of the endpoint are limited in length', async () => {
  server.answers(answer(400, { error: 'e'.repeat(10_000), error_description: 'd'.repeat(100_000) }));
  const error = await failure();
  expect(error.error).toHaveLength(100);
  expect(error.description).toHaveLength(1000);
  expect(error.message.length).toBeLessThan(1500);
});
