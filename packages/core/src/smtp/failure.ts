// What a failed transaction says about the connection and the server's way of speaking, as far as the error tells.
import { ConnectionError, ProtocolError, ReplyError, type Stage } from '../errors.ts';

/** Stages whose commands share a flight. */
const IN_FLIGHT: ReadonlySet<Stage | undefined> = new Set<Stage>(['MAIL', 'RCPT', 'DATA', 'RSET']);
/** Waiting for the first answer to a message. */
const UNHEARD: ReadonlySet<Stage | undefined> = new Set<Stage>(['MAIL', 'RSET']);

/** Nobody in this transaction was accepted; others may be. */
export function isAboutRecipients(error: unknown): error is ReplyError {
  return error instanceof ReplyError && error.code === 'ERR_SMTP_RECIPIENTS_REFUSED' && error.reply.code !== 421;
}

export function connectionDied(error: unknown): boolean {
  // One that does not forget the message before serves no other: another connection has nothing to forget.
  if (error instanceof ProtocolError) return error.stage === 'RSET';
  if (error instanceof ConnectionError) return error.code === 'ERR_SMTP_CLOSED';
  return error instanceof ReplyError && error.reply.code === 421 && error.code !== 'ERR_SMTP_MESSAGE_REFUSED';
}

/** What a server says or does that cannot follow a legal command: it lost count of a flight. */
export function isStumble(error: unknown): boolean {
  if (error instanceof ProtocolError) return IN_FLIGHT.has(error.stage);
  if (error instanceof ConnectionError) return isTimeout(error) && IN_FLIGHT.has(error.stage);
  if (!(error instanceof ReplyError)) return false;
  return (error.reply.code === 500 || error.reply.code === 503) && IN_FLIGHT.has(error.stage);
}

export function isTimeout(error: unknown): error is ConnectionError {
  return error instanceof ConnectionError && error.code === 'ERR_SMTP_TIMEOUT';
}

/**
 * It failed before the server had said anything about the message: the server may not have heard of it, and on a connection
 * that served before, nobody may be there any more.
 */
export function isUnheard(error: ConnectionError): boolean {
  return UNHEARD.has(error.stage);
}
