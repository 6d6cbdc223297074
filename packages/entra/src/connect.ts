// "Connect with Microsoft": the authorization code grant with PKCE (RFC 6749 section 4.1, RFC 7636).
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { Secret, TokenError, type TokenStore } from '@mailgrant/core';
import { type EntraAccount } from './account.ts';
import { checkRedirectUri, parseCallback, throwRefusal } from './callback.ts';
import { type EntraDelegatedOptions, type EntraGrant, grantKeeper, keyOf, scopesOf } from './delegated.ts';
import { update } from './grant-store.ts';
import { delegated, offline } from './msal/client.ts';

export interface EntraConnectOptions extends EntraDelegatedOptions {
  /** Where the browser comes back to, exactly as in the app registration. */
  readonly redirectUri: string;
}

export interface BeginOptions {
  /** Whom the sign-in page proposes. Default: the mailbox, or the delegate if there is one only. */
  readonly loginHint?: string | undefined;
  /** Default `select_account`: people are signed in as somebody already, and as a rule as somebody else. */
  readonly prompt?: 'select_account' | 'login' | 'consent' | undefined;
}

export interface BegunConnection {
  /** Where to send the browser. */
  readonly url: string;
  /** What comes back with it. Keep it in the person's session, and hand it to `finish`. */
  readonly state: string;
  /** Epoch milliseconds after which the callback is refused. */
  readonly expiresAt: number;
}

export interface FinishOptions {
  /** The state from the session of the person who began: a callback from another browser is then refused. */
  readonly state?: string | undefined;
}

/** A consent that can be asked for. */
export interface EntraConnection extends EntraGrant {
  begin(options?: BeginOptions): Promise<BegunConnection>;
  /**
   * Redeems the code of a callback, once, and keeps the consent, if who signed in may send for the mailbox.
   * @throws WrongAccountError when they may not: nothing was stored, and a consent from before is as it was.
   * @throws TokenEndpointError when the person declined, or Entra refused the code.
   * @throws TokenError `ERR_OAUTH_CALLBACK` when the callback was not begun here, was used already, or came too late.
   */
  finish(callbackUrl: string | URL, options?: FinishOptions): Promise<EntraAccount>;
}

/** Milliseconds to sign in, second factor and new password included. */
const PATIENCE = 15 * 60_000;
/** Of one mailbox, at a time; the oldest gives way. */
const MOST_PENDING = 10;

interface Pending {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  readonly expiresAt: number;
}

/**
 * Lets a person connect their mailbox in the browser. What `begin` has to remember lies in the store, so that `finish` may
 * run in another process.
 * @throws TypeError `ERR_INPUT_OPTION` at once, naming the option.
 */
export function entraConnect(options: EntraConnectOptions): EntraConnection {
  const keeper = grantKeeper(options);
  const { grant, settings } = keeper;
  const { redirectUri, mailbox, delegates = [], store } = options;
  checkRedirectUri(redirectUri);
  const { now } = settings.http;
  const pending = pendingConnections(store, `${keyOf(options)}#entra-pending`);
  const proposed = delegates.length === 1 ? delegates[0] : mailbox;

  return {
    ...grant,

    async disconnect() {
      await pending.clear();
      await grant.disconnect();
    },

    async begin({ loginHint = proposed, prompt = 'select_account' } = {}) {
      const random = (): string => randomBytes(32).toString('base64url');
      const begun = { state: random(), nonce: random(), expiresAt: now() + PATIENCE };
      return offline(settings, async (msal, { CryptoProvider }) => {
        const { verifier, challenge } = await new CryptoProvider().generatePkceCodes();
        const url = new URL(
          await msal.getAuthCodeUrl({
            scopes: scopesOf(settings),
            redirectUri,
            codeChallenge: challenge,
            codeChallengeMethod: 'S256',
            state: begun.state,
            nonce: begun.nonce,
            prompt,
          }),
        );
        // MSAL leaves it out beside select_account; Entra takes both, and preselects the account.
        if (loginHint) url.searchParams.set('login_hint', loginHint);
        await pending.add({ ...begun, verifier }, now());
        return { url: url.href, state: begun.state, expiresAt: begun.expiresAt };
      });
    },

    async finish(callbackUrl, { state: fromSession } = {}) {
      const callback = parseCallback(callbackUrl);
      if (fromSession !== undefined && !equal(fromSession, callback.state)) throw notBegun();
      const begun = await pending.take(callback.state, now());
      if (begun === undefined) throw notBegun();
      throwRefusal(callback.parameters, `${mailbox} was not connected`);
      const code = callback.parameters.get('code');
      if (!code) throw new TokenError('ERR_OAUTH_CALLBACK', 'the callback carries no code');
      const { nonce, verifier: codeVerifier } = begun;
      const request = { code, scopes: scopesOf(settings), redirectUri, codeVerifier, nonce };
      const acquired = await keeper.prove((proof) =>
        delegated(settings, proof, (msal) => msal.acquireTokenByCode({ ...request })),
      );
      return keeper.accept(acquired);
    },
  };
}

function notBegun(): TokenError {
  const minutes = PATIENCE / 60_000;
  const why = `it was not begun here, was used already, or came after more than ${minutes} minutes`;
  return new TokenError('ERR_OAUTH_CALLBACK', `the callback belongs to no connection: ${why}`);
}

function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** Sign-ins under way. Whoever takes one has it alone, so that a code is redeemed once. */
function pendingConnections(store: TokenStore, name: string) {
  const encode = (list: readonly Pending[]): Secret => new Secret(JSON.stringify(list));
  return {
    add: (one: Pending, now: number): Promise<void> =>
      update(store, name, (before) => encode([...decode(before, now), one].slice(-MOST_PENDING))),
    clear: (): Promise<void> => update(store, name, () => encode([])),
    async take(state: string, now: number): Promise<Pending | undefined> {
      let taken: Pending | undefined;
      await update(store, name, (before) => {
        const list = decode(before, now);
        taken = list.find((one) => equal(one.state, state));
        return encode(list.filter((one) => one !== taken));
      });
      return taken;
    },
  };
}

function decode(stored: Secret | undefined, now: number): Pending[] {
  if (stored === undefined) return [];
  try {
    const list = JSON.parse(stored.reveal()) as unknown;
    return Array.isArray(list) ? (list as Pending[]).filter(({ expiresAt }) => expiresAt > now) : [];
  } catch {
    return []; // written by another version of this package: begin again
  }
}
