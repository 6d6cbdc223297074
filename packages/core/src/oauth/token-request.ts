// One question to a token source, and what can be made of its answer.
import { InputError, MailError, TokenError } from '../errors.ts';
import { printable } from '../redact.ts';
import { heldToken, type HeldToken, type Margins } from './token-lifetime.ts';
import { accessToken, type TokenSource } from './token-source.ts';

const LONGEST_MESSAGE = 300;

export interface RequestTokenOptions {
  readonly forceRefresh: boolean;
  readonly margins: Margins;
  readonly now: () => number;
  /** Why a token is of no use, if it is. */
  readonly fault: (held: HeldToken) => string | undefined;
}

/**
 * Asks the source for a token that is of use. Sources with a cache of their own may return one that is not: then once more,
 * with `forceRefresh`.
 * @throws TokenError `ERR_OAUTH_SOURCE` when that is of no use either.
 */
export async function requestToken(source: TokenSource, options: RequestTokenOptions): Promise<HeldToken> {
  const { forceRefresh, margins, now, fault } = options;
  const ask = async (force: boolean): Promise<HeldToken> => {
    const obtainedAt = now();
    return heldToken(accessToken(await source({ forceRefresh: force })), obtainedAt, margins);
  };
  let held = await ask(forceRefresh);
  if (!forceRefresh && fault(held) !== undefined) held = await ask(true);
  const reason = fault(held);
  if (reason === undefined) return held;
  throw new TokenError('ERR_OAUTH_SOURCE', `the token source was asked for a new token and returned ${reason}`);
}

/** Errors of this package say enough; others get a code, and stay as the cause. */
export function explained(cause: unknown): MailError | InputError {
  if (cause instanceof MailError || cause instanceof InputError) return cause;
  const message = printable(cause instanceof Error ? cause.message : String(cause)).slice(0, LONGEST_MESSAGE);
  return new TokenError('ERR_OAUTH_SOURCE', `the token source failed: ${message}`, { cause });
}
