// The deadline and the signal of one send, for everything it consists of.
import { ConnectionError, InputError } from '@mailgrant/core';

export interface TimeLimit {
  /** What is left of the deadline for core, and the caller's signal. @throws ConnectionError when it is over. */
  left(): { readonly deadline?: number; readonly signal?: AbortSignal };
  /** Waits for work, but no longer than the limit. What is abandoned ends unheard. */
  within<T>(work: Promise<T>): Promise<T>;
}

/**
 * @param now milliseconds, of a clock that nobody sets
 * @throws TypeError `ERR_INPUT_OPTION` for a deadline that is none, and for a signal that is none.
 */
export function timeLimit(
  deadline: number | undefined,
  signal: AbortSignal | undefined,
  now: () => number = () => performance.now(),
): TimeLimit {
  if (deadline !== undefined && !(deadline > 0 && deadline < 2 ** 31)) {
    throw new InputError('ERR_INPUT_OPTION', 'deadline: expected milliseconds above 0');
  }
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    throw new InputError('ERR_INPUT_OPTION', 'signal: expected an AbortSignal');
  }
  const start = now();
  const over = (): ConnectionError | undefined => {
    if (signal?.aborted === true) return aborted(signal);
    if (deadline === undefined || now() - start < deadline) return undefined;
    return late(deadline);
  };
  return {
    left() {
      const error = over();
      if (error !== undefined) throw error;
      return {
        ...(deadline !== undefined && { deadline: deadline - (now() - start) }),
        ...(signal !== undefined && { signal }),
      };
    },
    async within(work) {
      if (deadline === undefined && signal === undefined) return work;
      let timer: NodeJS.Timeout | undefined;
      let abort: (() => void) | undefined;
      const end = new Promise<never>((_, reject) => {
        const error = over();
        if (error !== undefined) reject(error);
        else if (deadline !== undefined) timer = setTimeout(() => reject(late(deadline)), deadline - (now() - start));
        abort = () => reject(aborted(signal));
        signal?.addEventListener('abort', abort, { once: true });
      });
      try {
        return await Promise.race([end, work]);
      } finally {
        clearTimeout(timer);
        if (abort !== undefined) signal?.removeEventListener('abort', abort);
      }
    },
  };
}

const aborted = (signal: AbortSignal | undefined): ConnectionError =>
  new ConnectionError('ERR_SMTP_ABORTED', 'aborted by the caller', { cause: signal?.reason, stage: 'queue' });

const late = (deadline: number): ConnectionError =>
  new ConnectionError('ERR_SMTP_DEADLINE', `not sent within the deadline of ${deadline} ms`, { stage: 'queue' });
