// A form on its way to Entra, as core sends forms: time-out over the whole answer, no redirects, no http, no endless bodies,
// the cause of every failure kept, secrets out of every text. Core's client credentials grant lends the way.
import { type AccessToken, clientCredentials, Secret, TokenError } from '@mailgrant/core';

export interface PostOptions {
  readonly fetch: typeof globalThis.fetch;
  readonly timeout: number;
  readonly now: () => number;
  readonly signal?: AbortSignal | undefined;
}

/** What Entra answered. */
export interface Posted {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The JSON object; empty where the answer was none. */
  readonly body: Readonly<Record<string, unknown>>;
  /** The access token in it. */
  readonly token: AccessToken | undefined;
  /** Why there is none. */
  readonly error: TokenError | undefined;
}

/** Fields of a form that must not be seen. */
const SECRET_FIELDS = [
  'client_secret',
  'client_assertion',
  'refresh_token',
  'code',
  'code_verifier',
  'device_code',
  'password',
];

export async function post(
  url: string,
  form: string,
  headers: Readonly<Record<string, string>>,
  { fetch, timeout, now, signal }: PostOptions,
): Promise<Posted> {
  const fields = new URLSearchParams(form);
  const secrets = SECRET_FIELDS.flatMap((name) => {
    const value = fields.get(name);
    return value === null || value === '' ? [] : [[name, new Secret(value)] as const];
  });
  const clientSecret = secrets.find(([name]) => name === 'client_secret')?.[1];
  let received: Response | undefined;
  const chunks: Uint8Array[] = [];
  const ask = clientCredentials({
    tokenEndpoint: url,
    clientId: fields.get('client_id') ?? 'unknown',
    // Only so that core knows what to hide, and what a GUID in place of a secret means: the form sent is the one given.
    ...(clientSecret === undefined ? { clientAssertion: () => 'x' } : { clientSecret }),
    extra: Object.fromEntries(secrets.map(([name, secret]) => [`hide_${name}`, secret])),
    scope: '',
    timeout,
    now,
    fetch: async (target, init) => {
      const all = [init?.signal, signal].filter((one) => one instanceof AbortSignal);
      received = await fetch(target, {
        ...init,
        headers: { ...headers, ...(init?.headers as Record<string, string>) },
        body: form,
        signal: AbortSignal.any(all),
      });
      return copying(received, chunks);
    },
  });
  const outcome = await ask().then(
    (token) => ({ token: token as AccessToken, error: undefined }),
    (error: unknown) => {
      signal?.throwIfAborted();
      if (error instanceof TokenError) return { token: undefined, error };
      throw error;
    },
  );
  return {
    status: received?.status ?? 0,
    headers: Object.fromEntries(received?.headers ?? []),
    body: parseObject(Buffer.concat(chunks).toString()),
    ...outcome,
  };
}

/** The response, with what is read of it copied; who reads it sets the limits. */
function copying(response: Response, chunks: Uint8Array[]): Response {
  if (response.body === null) return response;
  const copied = response.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        chunks.push(chunk);
        controller.enqueue(chunk);
      },
    }),
  );
  return new Response(copied, { status: response.status, headers: response.headers });
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Core has said so already, in words that quote nothing.
  }
  return {};
}
