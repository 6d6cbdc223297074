// What can go wrong with a store itself. What the database says of a statement stays the database's error.

/** Every code a {@link StoreError} can carry; docs/worker-errors.md says what to do about each. */
export const STORE_ERROR_CODES = [
  'ERR_STORE_LOCKED',
  'ERR_STORE_NETWORK_DISK',
  'ERR_STORE_NOT_DURABLE',
  'ERR_STORE_UNSUPPORTED',
  'ERR_STORE_SCHEMA',
  'ERR_STORE_BROKEN',
  'ERR_STORE_CLOSED',
  'ERR_STORE_BODY',
  'ERR_STORE_BUSY',
  'ERR_STORE_TRANSFER',
] as const;

export type StoreErrorCode = (typeof STORE_ERROR_CODES)[number];

/** The store cannot be opened, or cannot be trusted any longer. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
