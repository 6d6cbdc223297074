// One request with whichever of several credentials works.
import { isTransient, TokenEndpointError, TokenError } from '@mailgrant/core';
import { type AssertionRequest, type Credential } from './credential.ts';
import { type EntraListener, tell } from './events.ts';
import { createExpiryWatch, type Expiry, type ExpiryWatch, expiryWarnings } from './expiry.ts';
import { expiryReason, type EntraHealth, type FailedCredential } from './health.ts';
import { type ClientProof } from './msal/client.ts';

export interface FallOverOptions {
  readonly credentials: readonly Credential[];
  readonly request: AssertionRequest;
  readonly now: () => number;
  readonly onEvent: EntraListener | undefined;
}

/** Milliseconds after which a credential that failed gets another chance: it may have been replaced, and if not, it is said again. */
const ANOTHER_CHANCE = 86_400_000;

/** Tries credentials in their order, begins with the one that worked last, and says so when one does not. */
export class FallOver {
  readonly #options: FallOverOptions;
  readonly #watch: ExpiryWatch = createExpiryWatch();
  readonly #failed = new Map<Credential, FailedCredential & { readonly triedAt: number }>();
  #preferred: Credential | undefined;
  /** Why the last attempt gave nothing, if it did not. */
  #error: Error | undefined;

  constructor(options: FallOverOptions) {
    this.#options = options;
  }

  /** @throws what `ask` throws; when every credential was refused, the error of the first, naming the others. */
  async use<T>(ask: (proof: ClientProof) => Promise<T>): Promise<T> {
    await this.warn();
    try {
      const outcome = await this.#tryAll(ask);
      this.#error = undefined;
      return outcome;
    } catch (error) {
      this.#error = error instanceof Error ? error : new Error(String(error));
      throw error;
    }
  }

  /** Tells of every end that has come nearer. */
  async warn(): Promise<void> {
    const { now, onEvent } = this.#options;
    for (const warning of this.#watch.check(await this.expiries(), now()))
      tell(onEvent, { type: 'expiring', ...warning });
  }

  async expiries(): Promise<Expiry[]> {
    const found = await Promise.all(
      this.#options.credentials.map(async (credential) => {
        const { kind, name } = credential;
        const expiresAt = await credential.expiresAt().catch(() => undefined); // one that cannot be read fails when it is used
        return kind === 'assertion' || expiresAt === undefined ? [] : [{ what: kind, name, expiresAt }];
      }),
    );
    return found.flat();
  }

  async health(): Promise<EntraHealth> {
    const expiring = expiryWarnings(await this.expiries(), this.#options.now());
    const failed = [...this.#failed.values()].map(({ credential, error, since }) => ({ credential, error, since }));
    const reasons = [
      ...failed.map(({ credential, error }) => `${credential} does not work: ${error.message}`),
      ...(this.#error !== undefined && failed.every(({ error }) => error !== this.#error) ? [this.#error.message] : []),
      ...expiring.map(expiryReason),
    ];
    const status = this.#error === undefined ? (reasons.length === 0 ? 'ok' : 'degraded') : 'down';
    return { status, reasons, expiring, failed };
  }

  async #tryAll<T>(ask: (proof: ClientProof) => Promise<T>): Promise<T> {
    const { request, now, onEvent } = this.#options;
    const order = this.#order();
    const refusals: { credential: Credential; error: Error }[] = [];
    for (const [index, credential] of order.entries()) {
      try {
        const outcome = await ask(await credential.proof(request));
        this.#preferred = credential;
        this.#failed.delete(credential);
        return outcome;
      } catch (error) {
        if (!(error instanceof Error) || !isCredentialsFault(error, credential)) throw error;
        refusals.push({ credential, error });
        const since = this.#failed.get(credential)?.since ?? now();
        this.#failed.set(credential, { credential: credential.name, error, since, triedAt: now() });
        tell(onEvent, { type: 'credential-failed', credential: credential.name, error, next: order[index + 1]?.name });
      }
    }
    throw summary(refusals);
  }

  #order(): readonly Credential[] {
    const { credentials, now } = this.#options;
    const preferred = this.#preferred;
    if (preferred === undefined) return credentials;
    const isDue = (one: Credential): boolean => now() - (this.#failed.get(one)?.triedAt ?? Infinity) >= ANOTHER_CHANCE;
    const due = credentials.slice(0, credentials.indexOf(preferred)).filter(isDue);
    return [...due, preferred, ...credentials.filter((one) => one !== preferred && !due.includes(one))];
  }
}

/** Whether another credential may do better: by OAuth's word (RFC 6749 section 5.2), never by Microsoft's number. */
function isCredentialsFault(error: Error, { kind }: Credential): boolean {
  if (!(error instanceof TokenError) || isTransient(error)) return false;
  if (error.code === 'ERR_OAUTH_SOURCE') return true; // could not be read, or MSAL could not sign with it
  if (error.code !== 'ERR_OAUTH_REFUSED') return false;
  if (error.error === 'invalid_client') return true;
  // A federated assertion that matches no trust is an invalid or unauthorized request to Entra.
  return kind === 'assertion' && (error.error === 'unauthorized_client' || error.error === 'invalid_request');
}

function summary(refusals: readonly { credential: Credential; error: Error }[]): Error {
  const [first, ...others] = refusals;
  if (first === undefined) return new TokenError('ERR_OAUTH_SOURCE', 'there is no credential to try');
  const { error } = first;
  if (others.length === 0) return error;
  const also = others.map((other) => `${other.credential.name}: ${brief(other.error)}`).join('; ');
  const hint = `that was ${first.credential.name}; none of the others worked: ${also}`;
  const cause = new AggregateError(
    refusals.map((refusal) => refusal.error),
    'every credential failed',
  );
  if (error instanceof TokenEndpointError) {
    const {
      code,
      status,
      error: word,
      suberror,
      description,
      retryAfter,
      aadsts,
      traceId,
      correlationId,
      timestamp,
    } = error;
    const facts = { status, error: word, suberror, description, retryAfter, aadsts, traceId, correlationId, timestamp };
    return new TokenEndpointError(code as 'ERR_OAUTH_REFUSED', error.message, {
      ...facts,
      clockSkew: error.clockSkew,
      hint,
      cause,
    });
  }
  return new TokenError('ERR_OAUTH_SOURCE', `${error.message} (${hint})`, { cause });
}

function brief(error: Error): string {
  return error instanceof TokenEndpointError && error.aadsts !== undefined
    ? `${error.error ?? error.code} AADSTS${error.aadsts}`
    : error.message;
}
