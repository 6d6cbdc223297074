// What this package tells whoever runs it. Nothing here holds a token or a secret.
import { type ExpiryWarning } from './expiry.ts';

/** A credential could not be used; the next one is tried, if there is one. */
export interface CredentialFailed {
  readonly type: 'credential-failed';
  /** `secret 1`, `certificate 1`, … in the order of the options. */
  readonly credential: string;
  readonly error: Error;
  /** The one that is tried instead. `undefined`: there is none, and no token. */
  readonly next: string | undefined;
}

/** Something that tokens depend on is about to end. */
export interface ExpiryDue extends ExpiryWarning {
  readonly type: 'expiring';
}

export type EntraEvent = CredentialFailed | ExpiryDue;

export type EntraListener = (event: EntraEvent) => void;

/** Calls the listener so that nothing it does can break a send. */
export function tell(listener: EntraListener | undefined, event: EntraEvent): void {
  try {
    const result: unknown = listener?.(event);
    // An async listener is not in the type but will be passed.
    if (result instanceof Promise) result.catch(() => undefined);
  } catch {
    // The listener's trouble is its own: there is nobody to tell but the listener.
  }
}
