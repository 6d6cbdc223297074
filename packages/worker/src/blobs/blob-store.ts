// Bodies too large for a row, found by what they contain.

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
   * Stores a body outside any transaction. When it resolves, the body is as safe as a committed row, so store the body
   * first and commit the row that names it then. A body no row names is swept away after a grace period.
   */
  put(body: Uint8Array | AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<BlobRef>;
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
