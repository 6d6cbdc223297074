// What an application proves itself with: checked at the door, read when a request is made and not before.
import { readFile } from 'node:fs/promises';
import { InputError, Secret, type SecretInput, TokenError } from '@mailgrant/core';
import { type CertificateInput, checkCertificateInput, loadCertificate } from './certificate.ts';
import { bad, shown } from './input.ts';
import { type ClientProof } from './msal/client.ts';

/** What an assertion is asked for with. */
export interface AssertionRequest {
  readonly clientId: string;
  readonly tokenEndpoint: string;
}

/** A client secret. Its *value*: Entra shows a Secret ID beside it. */
export interface SecretCredential {
  /** The value, or a function that reads it at every request. */
  readonly secret?: SecretInput | undefined;
  /** A file that holds it, read at every request; a line break at its end is taken off. */
  readonly secretFile?: string | undefined;
  /** When it expires, as the Entra admin center says: epoch milliseconds, a Date or an ISO date. Nothing else tells us. */
  readonly secretExpiresAt?: number | Date | string | undefined;
}

export interface CertificateCredential {
  readonly certificate: CertificateInput;
}

/** A token of another issuer that Entra has been told to trust (workload identity federation). */
export interface AssertionCredential {
  /** Returns the token. Called once for each request, and for nothing else. */
  readonly assertion?: ((request: AssertionRequest) => string | Secret | Promise<string | Secret>) | undefined;
  /** A file that holds it, as Kubernetes projects it (`AZURE_FEDERATED_TOKEN_FILE`); read at every request. */
  readonly assertionFile?: string | undefined;
}

export type EntraCredential = string | Secret | SecretCredential | CertificateCredential | AssertionCredential;

/** A credential behind the door. */
export interface Credential {
  readonly kind: ClientProof['kind'];
  /** As messages and events name it: `secret 1`. */
  readonly name: string;
  /** Epoch milliseconds; `undefined` where nobody said. Reads the file of a certificate. */
  expiresAt(): Promise<number | undefined>;
  /** @throws TokenError `ERR_OAUTH_SOURCE` when it cannot be read. */
  proof(request: AssertionRequest): Promise<ClientProof>;
}

/**
 * @throws TypeError `ERR_INPUT_OPTION`, naming the option.
 */
export function checkCredentials(input: EntraCredential | readonly EntraCredential[]): readonly Credential[] {
  const list = Array.isArray(input) ? (input as readonly EntraCredential[]) : [input as EntraCredential];
  if (list.length === 0) throw bad('credential must not be an empty list');
  const counts = { secret: 0, certificate: 0, assertion: 0 };
  return list.map((one) => {
    const credential = checkCredential(one);
    counts[credential.kind] += 1;
    return { ...credential, name: `${credential.kind} ${counts[credential.kind]}` };
  });
}

function checkCredential(input: EntraCredential): Omit<Credential, 'name'> {
  if (typeof input === 'string' || input instanceof Secret) return secretCredential({ secret: input });
  if (typeof input !== 'object' || input === null)
    throw bad('credential must be a secret, a certificate or an assertion');
  if ('certificate' in input) return certificateCredential(input.certificate);
  if ('assertion' in input || 'assertionFile' in input) return assertionCredential(input);
  return secretCredential(input as SecretCredential);
}

function secretCredential({ secret, secretFile, secretExpiresAt }: SecretCredential): Omit<Credential, 'name'> {
  if ((secret === undefined) === (secretFile === undefined)) throw bad('credential needs one of secret, secretFile');
  if (secret !== undefined && typeof secret !== 'function') text('credential.secret', secret);
  const expiresAt = moment('credential.secretExpiresAt', secretExpiresAt);
  return {
    kind: 'secret',
    expiresAt: () => Promise.resolve(expiresAt),
    proof: async () => {
      const read = typeof secret === 'function' ? secret : () => secret ?? readFile(secretFile ?? '', 'utf8');
      return { kind: 'secret', secret: await readText('credential.secret', read) };
    },
  };
}

function certificateCredential(input: CertificateInput): Omit<Credential, 'name'> {
  checkCertificateInput(input);
  return {
    kind: 'certificate',
    expiresAt: async () => (await loadCertificate(input)).notAfter,
    proof: async () => {
      const { privateKey, thumbprint, chain } = await unless('certificate', () => loadCertificate(input));
      const x5c = input.sendChain === true ? chain : undefined;
      return { kind: 'certificate', privateKey, thumbprintSha256: thumbprint, x5c };
    },
  };
}

function assertionCredential({ assertion, assertionFile }: AssertionCredential): Omit<Credential, 'name'> {
  if ((assertion === undefined) === (assertionFile === undefined)) {
    throw bad('credential needs one of assertion, assertionFile');
  }
  if (assertion !== undefined && typeof assertion !== 'function') throw bad('credential.assertion must be a function');
  return {
    kind: 'assertion',
    expiresAt: () => Promise.resolve(undefined), // lives for minutes, and is somebody else's to renew
    proof: async (request) => {
      const read = () => assertion?.(request) ?? readFile(assertionFile ?? '', 'utf8');
      return { kind: 'assertion', assertion: await readText('credential.assertion', read) };
    },
  };
}

/** @throws TokenError `ERR_OAUTH_SOURCE`, with the cause, when `read` failed or returned no secret. */
async function readText(option: string, read: () => string | Secret | Promise<string | Secret>): Promise<Secret> {
  return unless(option, async () => text(option, await read()));
}

async function unless<T>(option: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    const why = cause instanceof InputError ? cause.message : `${option} could not be read: ${reason(cause)}`;
    throw new TokenError('ERR_OAUTH_SOURCE', why, { cause });
  }
}

/** A file system's error says which file; another's text may quote what it read. */
function reason(cause: unknown): string {
  const { code, path } = (cause ?? {}) as { code?: unknown; path?: unknown };
  return typeof code === 'string' && typeof path === 'string' ? shown(`${code} ${path}`) : 'see the cause';
}

function text(option: string, input: unknown): Secret {
  const value = input instanceof Secret ? input.reveal() : input;
  const trimmed = typeof value === 'string' ? value.replace(/\r?\n$/, '') : '';
  if (!/^[\x20-\x7e]+$/.test(trimmed)) throw bad(`${option} must be a non-empty string of printable ASCII characters`);
  return new Secret(trimmed);
}

/** Epoch milliseconds. */
function moment(option: string, input: number | Date | string | undefined): number | undefined {
  if (input === undefined) return undefined;
  const time = typeof input === 'number' ? input : new Date(input).getTime();
  if (Number.isNaN(time)) throw bad(`${option} must be a date, got ${shown(input)}`);
  return time;
}

/** A password, which may have any characters. @throws TokenError `ERR_OAUTH_SOURCE` when it cannot be read. */
export async function readPassword(option: string, input: SecretInput): Promise<Secret> {
  return unless(option, async () => {
    const value = typeof input === 'function' ? await input() : input;
    const password = value instanceof Secret ? value : new Secret(typeof value === 'string' ? value : '');
    if (password.reveal() === '') throw bad(`${option} must be a non-empty string`);
    return password;
  });
}
