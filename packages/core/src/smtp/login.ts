// Connections for one login name. A refused token is renewed once, on a fresh connection; it is never presented twice.
import { AuthenticationError, type Stage, TokenError } from '../errors.ts';
import type { CachedTokenSource } from '../oauth/token-cache.ts';
import type { AccessToken } from '../oauth/token-source.ts';
import type { Secret } from '../secret.ts';
import type { Connection } from './connection.ts';
import { type ConnectionOptions, Opening } from './opening.ts';
import { verdictOn } from './verdict.ts';

export type LoginOptions = Omit<ConnectionOptions, 'shortAuthLines' | 'refused'>;

/** Looks at a token before a server does; where it throws the token is not presented. */
export type Inspect = (token: AccessToken) => Promise<unknown>;

export class Login {
  readonly #options: LoginOptions;
  readonly #token: CachedTokenSource;
  /** The attempt that is being made. */
  #attempt: Opening | undefined;
  /** Learnt on this host: long AUTH lines are refused. */
  #shortAuthLines = false;
  /** The last tokens this server refused; it may still repeat them. */
  #refused: readonly Secret[] = [];

  constructor(options: LoginOptions, token: CachedTokenSource) {
    this.#options = options;
    this.#token = token;
  }

  /** What the attempt under way waits for. */
  get stage(): Stage | undefined {
    return this.#attempt?.stage;
  }

  /**
   * Opens one connection.
   * @throws ConnectionError, ProtocolError, CapabilityError, AuthenticationError, TokenError.
   */
  async open(signal: AbortSignal, inspect?: Inspect): Promise<Connection> {
    let refusal: AuthenticationError | undefined;
    for (;;) {
      let used: AccessToken | undefined;
      const take = async (): Promise<AccessToken> => {
        used = await this.#token({ signal });
        await inspect?.(used);
        return used;
      };
      try {
        return await this.#try(take, signal);
      } catch (error) {
        // What the server refused is the news; that no better token could be had is why it stays so.
        if (refusal !== undefined && error instanceof TokenError) throw refusedAgain(refusal, error);
        if (used === undefined || !(await isAboutToken(error))) throw error;
        this.#token.reject(used);
        this.#refused = [...this.#refused.slice(-1), used.value];
        if (refusal !== undefined) throw error;
        refusal = error as AuthenticationError;
      }
    }
  }

  async #try(take: () => Promise<AccessToken>, signal: AbortSignal): Promise<Connection> {
    const options = { ...this.#options, shortAuthLines: this.#shortAuthLines, refused: this.#refused };
    const attempt = new Opening(options);
    this.#attempt = attempt;
    try {
      return await attempt.connection(take, signal);
    } finally {
      this.#attempt = undefined;
      this.#shortAuthLines ||= attempt.lineRefused;
    }
  }
}

/** Switched-off mailboxes and the like answer 535 as well: a new token would not help, and the old one serves others. */
async function isAboutToken(error: unknown): Promise<boolean> {
  const refused = error instanceof AuthenticationError && error.reply.code === 535 && error.tokenSent;
  return refused && (await verdictOn(error))?.class === 'token';
}

function refusedAgain({ mechanism, reply, challenge }: AuthenticationError, cause: TokenError): AuthenticationError {
  return new AuthenticationError(mechanism, reply, { challenge, cause });
}
