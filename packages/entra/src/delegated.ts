// Tokens in a person's name, from the consent they gave once: the refresh token grant (RFC 6749 section 6).
import { type AccessToken, type TokenRequest, TokenError, type TokenStore } from '@mailgrant/core';
import { checkMailbox, disallowed, type EntraAccount, guardedAccount, type MailboxOptions } from './account.ts';
import { checkCredentials, type EntraCredential } from './credential.ts';
import { type EntraListener, tell } from './events.ts';
import { createExpiryWatch, type Expiry, type ExpiryWarning, expiryWarnings } from './expiry.ts';
import { FallOver } from './fall-over.ts';
import { grantStore, type GrantStore, type StoredGrant } from './grant-store.ts';
import { type EntraHealth, expiryReason } from './health.ts';
import { bad, type EntraOptions, normalise, type Normalised } from './input.ts';
import { type Acquired, type ClientProof, delegated } from './msal/client.ts';

const DAY = 86_400_000;
/** Milliseconds without use after which Entra forgets a refresh token; longer for none, shorter where a policy says so. */
const IDLE_LIFE = 90 * DAY;

export interface EntraDelegatedOptions extends EntraOptions, MailboxOptions {
  /** Where the consent is kept: `encryptedFileTokenStore()` of @mailgrant/core, or one of your own. */
  readonly store: TokenStore;
  /** Its name there. Default: client id and mailbox. */
  readonly key?: string | undefined;
  /** For an app registration of the kind "Web". Without it the app is a public client ("Mobile and desktop applications"). */
  readonly credential?: EntraCredential | readonly EntraCredential[] | undefined;
  readonly onEvent?: EntraListener | undefined;
}

/** What is known of a consent. */
export interface EntraGrantState {
  readonly account: EntraAccount;
  /** Epoch milliseconds. */
  readonly connectedAt: number;
  readonly usedAt: number;
  /** When Entra forgets it unless it is used before. */
  readonly idleUntil: number;
}

export interface KeepAliveOptions {
  /** Milliseconds without use after which it is used. Default 7 days; Entra forgets after 90. */
  readonly idleFor?: number | undefined;
}

/** A person's consent to send for one mailbox. */
export interface EntraGrant {
  /** The token source for `createMailer`. Each call is one request to Entra. */
  readonly token: (request?: TokenRequest) => Promise<AccessToken>;
  /** `undefined`: nobody has signed in. */
  state(): Promise<EntraGrantState | undefined>;
  /** Uses the consent if it has not been for a while, so that a quarterly job finds it alive. For a scheduler: daily will do. */
  keepAlive(options?: KeepAliveOptions): Promise<'renewed' | 'fresh' | 'not connected'>;
  health(): Promise<EntraHealth>;
  /** Forgets the consent, for every process. Tokens given out before live to their end; Entra offers no way to revoke one. */
  disconnect(): Promise<void>;
}

/** A consent, and what `entraConnect` and `entraDeviceCode` need to make one. */
export interface GrantKeeper {
  readonly grant: EntraGrant;
  readonly settings: Normalised;
  /** Runs a request with whichever proof works. */
  prove(ask: (proof: ClientProof | undefined) => Promise<Acquired>): Promise<Acquired>;
  /** Checks who signed in, and keeps the consent. */
  accept(acquired: Acquired): Promise<EntraAccount>;
}

/**
 * A consent that was given elsewhere — by `entraConnect` or `entraDeviceCode` with the same store — for the processes that
 * only send. A replaced refresh token is stored before its access token is used; processes refresh one after the other.
 *
 * `token()` throws TokenError `ERR_OAUTH_NOT_CONNECTED` while nobody has signed in, `ERR_OAUTH_WRONG_ACCOUNT` when who did is
 * neither owner nor delegate any more, TokenEndpointError with `error`
 * `invalid_grant` or `interaction_required` when somebody has to do so again.
 * @throws TypeError `ERR_INPUT_OPTION` at once, naming the option.
 */
export function entraDelegated(options: EntraDelegatedOptions): EntraGrant {
  return grantKeeper(options).grant;
}

export function grantKeeper(options: EntraDelegatedOptions): GrantKeeper {
  const settings = normalise(options, 'delegated');
  checkMailbox(options);
  const { mailbox, credential, onEvent } = options;
  const { clientId, cloud, tenantId, http } = settings;
  const grants = grantStore(checkStore(options.store), keyOf(options));
  const watch = createExpiryWatch();
  const fallOver =
    credential === undefined
      ? undefined
      : new FallOver({
          credentials: checkCredentials(credential),
          request: { clientId, tokenEndpoint: `${cloud.authority}/${tenantId}/oauth2/v2.0/token` },
          now: http.now,
          onEvent,
        });
  const prove: GrantKeeper['prove'] = (ask) => (fallOver === undefined ? ask(undefined) : fallOver.use(ask));
  let failure: Error | undefined;

  const refresh = async (): Promise<AccessToken> => {
    const { grant, version } = await grants.read();
    if (grant === undefined) throw notConnected(mailbox);
    const trouble = troubleWith(grant, options);
    if (trouble !== undefined) throw trouble;
    const refreshToken = grant.refreshToken.reveal();
    const scopes = scopesOf(settings);
    const acquired = await prove((proof) =>
      delegated(settings, proof, (msal) => msal.acquireTokenByRefreshToken({ refreshToken, scopes })),
    );
    const renewed = { ...grant, refreshToken: acquired.refreshToken ?? grant.refreshToken, usedAt: http.now() };
    await keep(grants, renewed, version, mailbox);
    return acquired.token;
  };

  /** Runs `work` while no other process uses the consent. */
  const alone = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      const outcome = await grants.exclusively(http.timeout, work);
      failure = undefined;
      return outcome;
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
      throw error;
    }
  };
  const token = (): Promise<AccessToken> => alone(refresh);

  const state = async (): Promise<EntraGrantState | undefined> => stateOf((await grants.read()).grant);

  const grant: EntraGrant = {
    token,
    state,
    async keepAlive({ idleFor = 7 * DAY } = {}) {
      const current = await state();
      if (current === undefined) return 'not connected';
      for (const warning of watch.check([idleness(mailbox, current)], http.now())) {
        tell(onEvent, { type: 'expiring', ...warning });
      }
      const isFresh = ({ usedAt }: EntraGrantState): boolean => http.now() - usedAt < idleFor;
      if (isFresh(current)) return 'fresh';
      return alone(async () => {
        const now = await state();
        if (now === undefined) return 'not connected';
        if (isFresh(now)) return 'fresh'; // another process was faster
        await refresh();
        return 'renewed';
      });
    },
    async health() {
      const proofs = await fallOver?.health();
      let trouble = failure;
      let expiring: readonly ExpiryWarning[] = [];
      try {
        const kept = (await grants.read()).grant;
        const current = stateOf(kept);
        trouble = troubleWith(kept, options) ?? trouble;
        if (current !== undefined) expiring = expiryWarnings([idleness(mailbox, current)], http.now());
      } catch (error) {
        trouble = error instanceof Error ? error : new Error(String(error)); // the store: nothing can be said of the consent
      }
      const reasons = [
        ...(trouble === undefined || proofs?.reasons.includes(trouble.message) ? [] : [trouble.message]),
        ...(proofs?.reasons ?? []),
        ...expiring.map(expiryReason),
      ];
      const down = trouble !== undefined || proofs?.status === 'down';
      return {
        status: down ? 'down' : reasons.length > 0 ? 'degraded' : 'ok',
        reasons,
        expiring: [...(proofs?.expiring ?? []), ...expiring],
        failed: proofs?.failed ?? [],
      };
    },
    async disconnect() {
      await grants.replace(undefined);
      failure = undefined;
    },
  };
  return {
    grant,
    settings,
    prove,
    async accept(acquired) {
      const { account, allowedAs } = guardedAccount(acquired, options);
      const { refreshToken } = acquired;
      if (refreshToken === undefined) {
        throw new TokenError(
          'ERR_OAUTH_MALFORMED',
          'Entra gave no refresh token: the consent ends with its first token',
        );
      }
      const at = http.now();
      await grants.replace({ refreshToken, account, allowedAs, connectedAt: at, usedAt: at });
      failure = undefined;
      return account;
    },
  };
}

/** A refresh token may only be used when its successor is safe: so nothing is returned before this is. */
async function keep(
  grants: GrantStore,
  renewed: StoredGrant,
  version: string | undefined,
  mailbox: string,
): Promise<void> {
  let written: boolean;
  try {
    written = await grants.write(renewed, version);
  } catch (cause) {
    const message = 'the new refresh token could not be kept, so its access token is not used';
    throw new TokenError('ERR_OAUTH_SOURCE', message, { cause });
  }
  // Somebody connected anew or disconnected meanwhile; the first is fine.
  if (!written && (await grants.read()).grant === undefined) throw notConnected(mailbox);
}

/** MSAL adds openid, profile and offline_access itself. */
export function scopesOf({ scope }: Normalised): string[] {
  return scope.split(' ').filter((one) => !['openid', 'profile', 'offline_access'].includes(one));
}

export function keyOf({ key, clientId, mailbox }: EntraDelegatedOptions): string {
  return key ?? `entra/${clientId}/${mailbox.toLowerCase()}`;
}

function checkStore(store: TokenStore): TokenStore {
  const usable = typeof store === 'object' && store !== null && typeof store.compareAndSet === 'function';
  if (!usable) throw bad('store must be a token store, such as encryptedFileTokenStore() of @mailgrant/core');
  return store;
}

function stateOf(grant: StoredGrant | undefined): EntraGrantState | undefined {
  if (grant === undefined) return undefined;
  const { account, connectedAt, usedAt } = grant;
  return { account, connectedAt, usedAt, idleUntil: usedAt + IDLE_LIFE };
}

function idleness(mailbox: string, { idleUntil }: EntraGrantState): Expiry {
  return { what: 'refresh token', name: mailbox, expiresAt: idleUntil };
}

/** Mailbox and delegates may have been changed since somebody signed in. */
function troubleWith(grant: StoredGrant | undefined, options: EntraDelegatedOptions): TokenError | undefined {
  return grant === undefined ? notConnected(options.mailbox) : disallowed(grant.allowedAs, options);
}

function notConnected(mailbox: string): TokenError {
  return new TokenError('ERR_OAUTH_NOT_CONNECTED', `${mailbox} is not connected: somebody has to sign in`);
}
