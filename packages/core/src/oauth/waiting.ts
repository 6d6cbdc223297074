// Ways to stop waiting for something that goes on without us.
import { InputError, TokenError } from '../errors.ts';
import { printable } from '../redact.ts';

/**
 * The outcome of `work`, or `ERR_OAUTH_TIMEOUT` after that many milliseconds, saying what did not happen; the process is not
 * kept alive for it. The signal tells `work` that nobody waits any more.
 */
export async function within<T>(
  timeout: number,
  missed: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const timer = setTimeout(() => {
    controller.abort(new TokenError('ERR_OAUTH_TIMEOUT', `${missed} within ${timeout} ms`));
  }, timeout).unref();
  try {
    return await abandonable(work(controller.signal), controller.signal);
  } finally {
    clearTimeout(timer);
  }
}

/** The outcome of `work` for one of those who wait for it: `signal` ends the wait, not the work. */
export async function abandonable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  let abandon = (): void => undefined;
  const end = new Promise<never>((_, reject) => {
    abandon = () => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', abandon, { once: true });
  });
  try {
    return await Promise.race([work, end]);
  } finally {
    signal.removeEventListener('abort', abandon);
  }
}

/**
 * The milliseconds an option stands for.
 * @throws TypeError `ERR_INPUT_OPTION` unless they are a number that timers can take.
 */
export function duration(option: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value === 'number' && value >= 0 && value < 2 ** 31) return value;
  throw new InputError(
    'ERR_INPUT_OPTION',
    `${option} must be a number of milliseconds, got ${printable(String(value))}`,
  );
}
