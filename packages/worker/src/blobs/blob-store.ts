// Bodies too large for a row, found by what they contain.
import type { SqlExecutor } from '../store/store.ts';

/** What names a body: two bodies with the same bytes are the same body. */
export interface BlobRef {
  /** Of the bytes, 64 hexadecimal digits. */
  readonly sha256: string;
  /** In bytes. */
  readonly size: number;
}

/** Keeps bodies. */
export interface BlobStore {
  /**
   * Stores a body. When it resolves, the body is as safe as a committed row, so store the body first and commit the row that
   * names it then. A body no row names is swept away after a grace period.
   *
   * @param db on PostgreSQL: a transaction the body becomes a part of, instead of one of its own
   */
  put(body: Uint8Array | AsyncIterable<Uint8Array> | Iterable<Uint8Array>, db?: SqlExecutor): Promise<BlobRef>;
  /**
   * In the transaction that commits rows naming these bodies: they are there, and none is swept away before it ends.
   *
   * @throws StoreError `ERR_STORE_BODY` when one is not
   */
  keep(names: readonly string[], db: SqlExecutor): Promise<void>;
  /**
   * Streams a body in pieces of at most 256 KB. The iteration ends with an error if the body is missing or is not what
   * was stored; the pieces before have been handed out by then.
   */
  get(sha256: string): AsyncIterable<Uint8Array>;
  /**
   * Deletes the bodies that no row of `mail` names.
   *
   * @param options.grace milliseconds since the body was last put, so that the row that names it can still come
   */
  sweep(options?: { readonly grace?: number }): Promise<{ readonly deleted: number }>;
}
