// One mail transaction (RFC 5321 section 3.3), with MAIL, RCPT and DATA in one flight where PIPELINING is offered (RFC 2920).
import { ProtocolError, ReplyError, type Stage } from '../errors.ts';
import type { RecipientResult, RecipientResults } from '../receipt.ts';
import * as cmd from './command.ts';
import type { Command } from './command.ts';
import { EMPTY } from './content.ts';
import type { Body, Dialogue } from './dialogue.ts';
import type { EnvelopeCommands } from './envelope.ts';
import type { Mailbox } from './mailbox.ts';
import { type Reply, replyText } from './reply.ts';

export interface Transaction {
  readonly to: readonly Mailbox[];
  readonly envelope: EnvelopeCommands;
  readonly body: Body;
  /** Whether commands may share a flight. */
  readonly pipelining: boolean;
  /** Send RSET first: the last transaction on this connection ended early. It shares the flight. */
  readonly reset: boolean;
}

export interface TransactionResult extends RecipientResults {
  readonly reply: Reply;
  readonly roundTrips: number;
}

/** Sends one message. All replies of a flight are read before any is judged (RFC 2920 section 3.1). */
export function* sendMessage(transaction: Transaction): Dialogue<TransactionResult> {
  return yield* transaction.pipelining ? pipelined(transaction) : lockStep(transaction);
}

function* pipelined({ to, envelope, body, reset }: Transaction): Dialogue<TransactionResult> {
  const commands = [envelope.mail, ...envelope.rcpts, cmd.data()];
  const replies = yield { kind: 'exchange', commands: reset ? [cmd.rset(), ...commands] : commands };
  const [mailReply, ...rest] = reset ? replies.slice(1) : replies;
  const dataReply = rest.pop();
  const recipients = sort(to, rest);

  const refusal = refused(mailReply, 'MAIL') ?? noneAccepted(recipients);
  if (refusal !== undefined && dataReply?.code === 354) {
    // The server waits for data nobody should get: the lone dot ends it (RFC 2920 section 3.1).
    try {
      yield { kind: 'exchange', commands: [], body: { ...body, content: EMPTY }, last: true };
    } catch {
      // The refusal is what the caller needs to know; the connection reports its own end.
    }
    throw refusal;
  }
  if (refusal !== undefined) throw refusal;
  accept(dataReply, 354, 'DATA');
  return { ...recipients, reply: yield* content(body), roundTrips: 2 };
}

function* lockStep({ to, envelope, body, reset }: Transaction): Dialogue<TransactionResult> {
  let roundTrips = 1;
  function* one(command: Command): Dialogue<Reply | undefined> {
    roundTrips += 1;
    return (yield { kind: 'exchange', commands: [command] })[0];
  }
  if (reset) yield* one(cmd.rset());
  const mailRefusal = refused(yield* one(envelope.mail), 'MAIL');
  if (mailRefusal !== undefined) throw mailRefusal;
  const replies: Reply[] = [];
  for (const rcpt of envelope.rcpts) {
    const reply = yield* one(rcpt);
    if (reply !== undefined) replies.push(reply);
  }
  const recipients = sort(to, replies);
  const refusal = noneAccepted(recipients);
  if (refusal !== undefined) throw refusal;
  accept(yield* one(cmd.data()), 354, 'DATA');
  return { ...recipients, reply: yield* content(body), roundTrips };
}

/** The message itself; after it nothing more is said, so the next envelope may share its flight. */
function* content(body: Body): Dialogue<Reply> {
  const [reply] = yield { kind: 'exchange', commands: [], body, last: true };
  if (reply !== undefined && reply.code >= 200 && reply.code < 300) return reply;
  if (reply !== undefined && reply.code >= 400) {
    throw new ReplyError('ERR_SMTP_MESSAGE_REFUSED', 'message', reply, { stage: 'message' });
  }
  // Neither yes nor no: what became of the message is anybody's guess.
  throw new ProtocolError(`message: expected 250, got ${reply === undefined ? 'nothing' : replyText(reply)}`, {
    stage: 'message',
    mayHaveBeenSent: true,
  });
}

function sort(to: readonly Mailbox[], replies: readonly Reply[]): RecipientResults {
  const accepted: RecipientResult[] = [];
  const deferred: RecipientResult[] = [];
  const refusals: RecipientResult[] = [];
  for (const [i, { address }] of to.entries()) {
    const reply = replies[i];
    if (reply === undefined || (reply.code >= 300 && reply.code < 400)) {
      throw new ProtocolError(`RCPT: expected 250, got ${reply === undefined ? 'nothing' : replyText(reply)}`, {
        stage: 'RCPT',
      });
    }
    (reply.code < 300 ? accepted : reply.code < 500 ? deferred : refusals).push({ address, reply });
  }
  return { accepted, deferred, refused: refusals };
}

function noneAccepted({ accepted, deferred, refused: refusals }: RecipientResults): ReplyError | undefined {
  if (accepted.length > 0) return undefined;
  // If any of them may be taken later, the message as a whole may be sent later.
  const result = deferred[0] ?? refusals[0];
  if (result === undefined) return undefined;
  const others = deferred.length + refusals.length - 1;
  const doing = `RCPT ${result.address}${others > 0 ? ` and ${others} more` : ''}`;
  return new ReplyError('ERR_SMTP_RECIPIENTS_REFUSED', doing, result.reply, {
    stage: 'RCPT',
    recipients: [...deferred, ...refusals],
  });
}

function refused(reply: Reply | undefined, stage: Stage): ReplyError | undefined {
  if (reply !== undefined && reply.code >= 400)
    return new ReplyError('ERR_SMTP_SENDER_REFUSED', stage, reply, { stage });
  if (reply === undefined || reply.code >= 300) throw unexpected(reply, 250, stage);
  return undefined;
}

function accept(reply: Reply | undefined, code: number, stage: Stage): void {
  if (reply?.code === code) return;
  if (reply !== undefined && reply.code >= 400) {
    throw new ReplyError('ERR_SMTP_MESSAGE_REFUSED', stage, reply, { stage });
  }
  throw unexpected(reply, code, stage);
}

function unexpected(reply: Reply | undefined, code: number, stage: Stage): ProtocolError {
  return new ProtocolError(`${stage}: expected ${code}, got ${reply === undefined ? 'nothing' : replyText(reply)}`, {
    stage,
  });
}
