// What the commands say when something is in the way: a sentence, and the exit code that goes with it.

/** Codes of {@link ProcessError}; docs/worker-errors.md says what to do about each. */
export const PROCESS_ERROR_CODES = [
  'ERR_WORKER_CONFIG',
  'ERR_WORKER_PORT',
  'ERR_WORKER_SOCKET',
  'ERR_WORKER_NOT_RUNNING',
  'ERR_WORKER_REFUSED',
] as const;

export type ProcessErrorCode = (typeof PROCESS_ERROR_CODES)[number];

/** The worker's process, or the way to it, is not as it should be. */
export class ProcessError extends Error {
  override readonly name = 'ProcessError';
  readonly code: ProcessErrorCode;

  constructor(code: ProcessErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** The command was called in a way it does not understand: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
