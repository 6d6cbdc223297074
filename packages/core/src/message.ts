// What a caller hands over: an envelope and the finished message.

/** When a recipient's server should send a notification (RFC 3461 section 4.1). Left out where the server offers no DSN. */
export type Notify = 'never' | readonly ('success' | 'failure' | 'delay')[];

/** A recipient with wishes of its own. */
export interface Recipient {
  /**
   * A plain address. A domain outside ASCII is translated (RFC 5890); a local part outside ASCII needs a server with
   * SMTPUTF8 (RFC 6531).
   */
  readonly address: string;
  /** Instead of the envelope's `notify`. */
  readonly notify?: Notify | undefined;
  /** The address this one replaced, for notifications to name (ORCPT, RFC 3461 section 4.2). */
  readonly originalRecipient?: string | undefined;
}

/** Who sends to whom (RFC 5321 section 2.3.1). Plain addresses, no display names. */
export interface Envelope {
  /** The reverse-path; `''` is the null path of notifications. */
  readonly from: string;
  /**
   * At least one; an address that is there twice gets one copy. More than a transaction takes go in several, with one
   * receipt.
   */
  readonly to: readonly (string | Recipient)[];
  /** For every recipient without wishes of its own. */
  readonly notify?: Notify | undefined;
  /** How much of the message notifications return (RET, RFC 3461 section 4.3). */
  readonly return?: 'full' | 'headers' | undefined;
  /** The caller's name for this sending, repeated in notifications: up to 100 visible ASCII characters (ENVID, section 4.4). */
  readonly envelopeId?: string | undefined;
  /** Send only where every server on the way uses verified TLS (RFC 8689); CapabilityError where the server cannot promise it. */
  readonly requireTls?: boolean | undefined;
  /**
   * `'any'` (the default): send to those the server accepts. `'all'`: to all or to nobody, as far as one transaction goes.
   */
  readonly recipients?: 'any' | 'all' | undefined;
}

/**
 * A finished Internet message (RFC 5322) as bytes, text (sent as UTF-8), or pieces of these; a Node.js Readable is fine.
 * Lone CR and LF become CRLF on the way, nothing else changes. Nothing of a piece is kept once the next one is asked for: its
 * memory may be used again. A stream that was accepted for sending is read to its end or destroyed, whatever becomes of the
 * message; one held back by a limit (LimitError) or refused with a TypeError is left alone.
 */
export type MessageBody = string | Uint8Array | Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>;

/**
 * The name of a method by which an iterable body lends its pieces: the mailer calls it once and reads the body through the
 * iterable it returns, whose pieces are good until the next is asked for. It is for streams whose pieces share their memory:
 * who reads a stream may keep what came, the mailer does not.
 */
export const lentPieces: unique symbol = Symbol.for('mailgrant.lentPieces');

/** One message to send: who it is from and for, and its bytes. */
export interface OutgoingMail {
  /** From whom to whom; what the header says plays no part. */
  readonly envelope: Envelope;
  /** Header and body, finished. */
  readonly message: MessageBody;
  /** Bytes of `message`, if known; bytes and text are measured as they are handed over. Declared to the server (RFC 1870). */
  readonly size?: number | undefined;
  /** The message has binary parts: it is sent untouched by BDAT, where the server offers BINARYMIME (RFC 3030 section 3). */
  readonly binary?: boolean | undefined;
}
