// Where processes that share an identity keep its token, so that one renewal serves them all.
import { type Secret } from '../secret.ts';

/** What a store holds under a key: text that is secret, and the version a later write refers to. */
export interface StoredValue {
  /** The text. */
  readonly value: Secret;
  /** Another one after each write. */
  readonly version: string;
}

/** The exclusive right to renew a key. */
export interface StoreLock {
  /** Gives the right back. Does nothing when the lease has ended. */
  release(): Promise<void>;
}

/** How long a lock may be held, and waited for. */
export interface StoreLockOptions {
  /** Milliseconds after which the lock is free again though nobody released it, as its owner may have died. */
  readonly lease: number;
  /** Milliseconds to wait while another has it. */
  readonly wait: number;
}

/**
 * Keeps values for several processes. An implementation over a database needs one table
 * (key, version, value encrypted, lock owner, lock end) and three statements.
 */
export interface TokenStore {
  /** @returns what is stored, `undefined` where nothing is. */
  get(key: string): Promise<StoredValue | undefined>;
  /**
   * Writes `value` if the stored version still is `expected` (`undefined`: nothing is stored), durably before it resolves.
   * @returns the new version, or `undefined` when somebody else was faster; then nothing was written.
   */
  compareAndSet(key: string, expected: string | undefined, value: Secret): Promise<string | undefined>;
  /** @returns the lock, or `undefined` when it could not be had within `wait`. */
  lock(key: string, options: StoreLockOptions): Promise<StoreLock | undefined>;
}

/** A store for the caches of one process; it forgets everything at its end. */
export function memoryTokenStore(): TokenStore {
  const values = new Map<string, StoredValue>();
  const queues = new Map<string, (() => void)[]>();
  let writes = 0;

  /** Frees the key for the next in line. */
  const next = (key: string): void => {
    const grant = queues.get(key)?.shift();
    if (grant === undefined) queues.delete(key);
    else grant();
  };

  const hold = (key: string, lease: number): StoreLock => {
    let held = true;
    const free = (): void => {
      clearTimeout(timer);
      if (held) next(key);
      held = false;
    };
    const timer = setTimeout(free, lease).unref();
    return {
      async release() {
        free();
      },
    };
  };

  return {
    async get(key) {
      return values.get(key);
    },
    async compareAndSet(key, expected, value) {
      if (values.get(key)?.version !== expected) return undefined;
      const version = String((writes += 1));
      values.set(key, { value, version });
      return version;
    },
    async lock(key, { lease, wait }) {
      const queue = queues.get(key);
      if (queue === undefined) {
        queues.set(key, []);
        return hold(key, lease);
      }
      return new Promise((resolve) => {
        const grant = (): void => {
          clearTimeout(timer);
          resolve(hold(key, lease));
        };
        queue.push(grant);
        const timer = setTimeout(() => {
          queue.splice(queue.indexOf(grant), 1);
          resolve(undefined);
        }, wait);
      });
    },
  };
}
