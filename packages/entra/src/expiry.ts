// What is about to end, and whether it is time to say so. Pure.

const DAY = 86_400_000;

/** Days before an end at which it is warned of, unless told otherwise. */
export const WARNING_DAYS: readonly number[] = [30, 14, 7, 1];

/** Something with an end that tokens depend on. */
export interface Expiry {
  readonly what: 'secret' | 'certificate' | 'refresh token';
  /** `secret 1`, or the mailbox of a refresh token. */
  readonly name: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

/** An end that is near, or past. */
export interface ExpiryWarning extends Expiry {
  /** The warning that is due: the smallest number of `days` that has been reached; 0 when it is over. */
  readonly days: number;
  /** Milliseconds left; negative when it is over. */
  readonly left: number;
}

/** Which of `expiries` end within the largest number of `days`, the nearest first. */
export function expiryWarnings(
  expiries: readonly Expiry[],
  now: number,
  days: readonly number[] = WARNING_DAYS,
): readonly ExpiryWarning[] {
  return expiries
    .flatMap((expiry) => {
      const left = expiry.expiresAt - now;
      const reached = left <= 0 ? [0] : days.filter((limit) => left <= limit * DAY);
      return reached.length === 0 ? [] : [{ ...expiry, days: Math.min(...reached), left }];
    })
    .sort((a, b) => a.left - b.left);
}

/** Says each warning once: for each end and each number of days. */
export interface ExpiryWatch {
  /** The warnings that are new since the last call. */
  check(expiries: readonly Expiry[], now: number): readonly ExpiryWarning[];
}

/** @param days before an end at which it is warned of */
export function createExpiryWatch(days: readonly number[] = WARNING_DAYS): ExpiryWatch {
  const told = new Map<string, { expiresAt: number; days: number }>();
  return {
    check(expiries, now) {
      const key = ({ what, name }: Expiry): string => `${what} ${name}`;
      return expiryWarnings(expiries, now, days).filter((warning) => {
        const last = told.get(key(warning));
        if (last?.expiresAt === warning.expiresAt && last.days <= warning.days) return false;
        told.set(key(warning), warning);
        return true;
      });
    },
  };
}
