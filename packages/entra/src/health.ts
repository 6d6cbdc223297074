// How a way to a token is doing, in the words of core's health.
import { type ExpiryWarning } from './expiry.ts';

/** A credential that did not work when it was last tried. */
export interface FailedCredential {
  readonly credential: string;
  readonly error: Error;
  /** Epoch milliseconds. */
  readonly since: number;
}

export interface EntraHealth {
  /** `degraded`: tokens come, and somebody should look. `down`: the last attempt gave none, or there is nothing to try with. */
  readonly status: 'ok' | 'degraded' | 'down';
  /** For people. */
  readonly reasons: readonly string[];
  readonly expiring: readonly ExpiryWarning[];
  readonly failed: readonly FailedCredential[];
}

/** How long, for people. */
function howLong(milliseconds: number): string {
  const hours = Math.floor(Math.abs(milliseconds) / 3_600_000);
  const [count, unit] = hours < 48 ? [hours, 'hour'] : [Math.floor(hours / 24), 'day'];
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

export function expiryReason({ what, name, left }: ExpiryWarning): string {
  const subject = name.startsWith(what) ? name : `the ${what} of ${name}`;
  return left > 0 ? `${subject} expires in ${howLong(left)}` : `${subject} expired ${howLong(left)} ago`;
}
