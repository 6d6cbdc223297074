// What a caller hands over: an envelope and the finished message.

/** Who sends to whom (RFC 5321 section 2.3.1). Plain addresses, no display names. */
export interface Envelope {
  /** The reverse-path; `''` is the null path of notifications. */
  readonly from: string;
  readonly to: readonly string[];
}

/**
 * A finished Internet message (RFC 5322) as bytes, text (sent as UTF-8), or pieces of these; a Node.js Readable is fine.
 * Lone CR and LF become CRLF on the way, nothing else changes.
 */
export type MessageBody = string | Uint8Array | Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>;

export interface OutgoingMail {
  readonly envelope: Envelope;
  readonly message: MessageBody;
  /** Bytes of `message`, if known; bytes and text are measured. Declared to the server (RFC 1870). */
  readonly size?: number | undefined;
}
