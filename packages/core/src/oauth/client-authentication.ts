// How a client says who it is to a token endpoint (RFC 6749 section 2.3, RFC 7523 section 2.2).
import { InputError, TokenError } from '../errors.ts';
import { Secret } from '../secret.ts';
import { type HttpOptions, tokenEndpointUrl } from './token-endpoint.ts';
import { duration } from './waiting.ts';

/** A secret, or a function that reads it at every request, so that it can be changed without a restart. */
export type SecretInput = string | Secret | (() => string | Secret | Promise<string | Secret>);

/** What an assertion is made for. */
export interface ClientAssertionRequest {
  /** Issuer and subject of the assertion (RFC 7523 section 3). */
  readonly clientId: string;
  /** Its audience, for most endpoints. */
  readonly tokenEndpoint: string;
}

/** What all grants of a registered client have in common. */
export interface ClientOptions extends HttpOptions {
  /** An https URL; plain http to this machine only. */
  readonly tokenEndpoint: string;
  /** The application, as the token endpoint knows it: for Microsoft a GUID. */
  readonly clientId: string;
  /** A line break at its end, as files have it, is taken off. */
  readonly clientSecret?: SecretInput | undefined;
  /** Makes a signed JWT that stands for the client (RFC 7523). Called once for each request, and for nothing else. */
  readonly clientAssertion?:
    | ((request: ClientAssertionRequest) => string | Secret | Promise<string | Secret>)
    | undefined;
  /** Where the secret goes: into the form (`post`, the default) or into the Authorization header (`basic`). */
  readonly authMethod?: 'post' | 'basic' | undefined;
  /** Further parameters of the request, such as `audience` or `resource`. */
  readonly extra?: Readonly<Record<string, string | Secret>> | undefined;
}

/** What a client adds to a request. */
export interface ClientAuthentication {
  readonly form: Readonly<Record<string, string | Secret>>;
  readonly authorization?: Secret;
  readonly secrets: readonly Secret[];
  readonly clientHint?: string | undefined;
}

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** @throws TypeError `ERR_INPUT_OPTION`, naming the option. */
export function checkClient(options: ClientOptions): void {
  tokenEndpointUrl(options.tokenEndpoint);
  duration('timeout', options.timeout, 0);
  if (typeof options.clientId !== 'string' || options.clientId === '') throw bad('clientId must be a non-empty string');
  if (options.clientSecret !== undefined && options.clientAssertion !== undefined) {
    throw bad('clientSecret and clientAssertion exclude each other');
  }
  if (options.authMethod === 'basic' && options.clientSecret === undefined) {
    throw bad("authMethod 'basic' needs a clientSecret");
  }
  if (options.clientSecret !== undefined && typeof options.clientSecret !== 'function') {
    checkedSecret('clientSecret', options.clientSecret);
  }
}

/**
 * What to add to a request so that the endpoint knows the client; for a public client its id only.
 * @throws TokenError `ERR_OAUTH_SOURCE` when the secret or the assertion could not be had.
 */
export async function authenticateClient(options: ClientOptions): Promise<ClientAuthentication> {
  const { clientId, clientSecret, clientAssertion, tokenEndpoint, authMethod } = options;
  if (clientAssertion !== undefined) {
    const assertion = await readSecret('clientAssertion', () => clientAssertion({ clientId, tokenEndpoint }));
    return {
      form: {
        client_id: clientId,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: assertion,
      },
      secrets: [assertion],
    };
  }
  if (clientSecret === undefined) return { form: { client_id: clientId }, secrets: [] };

  const secret = await readSecret('clientSecret', clientSecret);
  const clientHint = GUID.test(secret.reveal())
    ? 'the client secret looks like a GUID: Microsoft shows a Secret ID beside the Value, and the Value is the secret'
    : undefined;
  if (authMethod !== 'basic') {
    return { form: { client_id: clientId, client_secret: secret }, secrets: [secret], clientHint };
  }
  const pair = `${formEncode(clientId)}:${formEncode(secret.reveal())}`;
  const authorization = new Secret(`Basic ${Buffer.from(pair).toString('base64')}`);
  return { form: {}, authorization, secrets: [secret], clientHint };
}

/**
 * The secret an option stands for.
 * @throws TokenError `ERR_OAUTH_SOURCE`, with the cause, when a function that reads it failed.
 */
export async function readSecret(option: string, input: SecretInput): Promise<Secret> {
  if (typeof input !== 'function') return checkedSecret(option, input);
  let value: string | Secret;
  try {
    value = await input();
  } catch (cause) {
    throw new TokenError('ERR_OAUTH_SOURCE', `${option} could not be read`, { cause });
  }
  return checkedSecret(option, value);
}

/** @throws TypeError `ERR_INPUT_OPTION` unless it is a secret (RFC 6749 appendix A.2), a line break at its end aside. */
function checkedSecret(option: string, input: unknown): Secret {
  const value = input instanceof Secret ? input.reveal() : input;
  const secret = typeof value === 'string' ? value.replace(/\r?\n$/, '') : '';
  if (!/^[\x20-\x7e]+$/.test(secret)) throw bad(`${option} must be a non-empty string of printable ASCII characters`);
  return new Secret(secret);
}

/** RFC 6749 section 2.3.1: encoded as in a form, then joined. */
function formEncode(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}

function bad(message: string): InputError {
  return new InputError('ERR_INPUT_OPTION', message);
}
