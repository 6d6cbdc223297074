// A token in a store that several processes share: what is written there, and the one request they make between them.
import { Secret } from '../secret.ts';
import { heldToken, type HeldToken, type Margins } from './token-lifetime.ts';
import { accessToken } from './token-source.ts';
import { type TokenStore } from './token-store.ts';
import { within } from './waiting.ts';

export interface SharedTokenOptions {
  readonly store: TokenStore;
  readonly key: string;
  readonly margins: Margins;
  /** Milliseconds an owner of the lock may take, and others wait for it. */
  readonly lease: number;
  /** What is in the store now will not do, only what comes while we wait for the lock: others' clocks may not be ours. */
  readonly afresh: boolean;
  /** Whether a token found in the store saves the request. */
  readonly serves: (held: HeldToken) => boolean;
  /** Whether a server refused it: others are not to try it as well. */
  readonly refused: (held: HeldToken) => boolean;
  /** Makes the request. */
  readonly request: () => Promise<HeldToken>;
  /** Is told of trouble with the store, which keeps no token from its user. */
  readonly onStoreError: (error: unknown) => void;
}

/** Takes the token from the store if it serves, else makes the request under the lock and stores what came. */
export async function sharedToken(options: SharedTokenOptions): Promise<{ held: HeldToken; fromStore: boolean }> {
  const { store, key, lease, afresh, serves, refused, request, onStoreError } = options;
  // A store that hangs leaves time for the request.
  const patience = lease / 2;
  const answered = <T>(work: () => Promise<T>, limit = patience): Promise<T> =>
    within(limit, 'the token store gave no answer', work);
  let broken = false;
  const attempt = async <T>(work: () => Promise<T>, limit?: number): Promise<T | undefined> => {
    if (broken) return undefined; // said once, and no reason to wait for it again
    try {
      return await answered(work, limit);
    } catch (error) {
      broken = true;
      onStoreError(error);
      return undefined;
    }
  };
  const look = async (): Promise<{ held: HeldToken | undefined; version: string | undefined }> => {
    const stored = await attempt(() => store.get(key));
    return { held: stored && decode(stored.value, options.margins), version: stored?.version };
  };

  const early = await look();
  if (!afresh && early.held !== undefined && serves(early.held)) return { held: early.held, fromStore: true };

  const lock = await attempt(() => store.lock(key, { lease, wait: lease }), lease + patience);
  try {
    const { held, version } = await look();
    const another = !afresh || version !== early.version;
    if (another && held !== undefined && serves(held)) return { held, fromStore: true };
    const fresh = await request().catch(async (error: unknown) => {
      if (held !== undefined && refused(held)) await attempt(() => store.compareAndSet(key, version, NOTHING));
      throw error;
    });
    // A lost race leaves the other's token there, which is as good as ours.
    await attempt(() => store.compareAndSet(key, version, encode(fresh)));
    return { held: fresh, fromStore: false };
  } finally {
    if (lock !== undefined) await answered(() => lock.release()).catch(onStoreError);
  }
}

/** A store has no word for taking a value out. */
const NOTHING = new Secret('{}');

function encode({ token, obtainedAt }: HeldToken): Secret {
  const { value, expiresAt, refreshAt, clockSkew } = token;
  return new Secret(JSON.stringify({ value: value.reveal(), expiresAt, refreshAt, clockSkew, obtainedAt }));
}

/** What cannot be read is as good as nothing: another version of this package may have written it. */
function decode(stored: Secret, margins: Margins): HeldToken | undefined {
  try {
    const { value, expiresAt, refreshAt, clockSkew, obtainedAt } = JSON.parse(stored.reveal()) as Record<
      string,
      unknown
    >;
    if (typeof value !== 'string' || typeof expiresAt !== 'number' || typeof obtainedAt !== 'number') return undefined;
    return heldToken(
      accessToken({ value, expiresAt, refreshAt: numberOrNothing(refreshAt), clockSkew: numberOrNothing(clockSkew) }),
      obtainedAt,
      margins,
    );
  } catch {
    return undefined;
  }
}

function numberOrNothing(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}
