// One mail transaction (RFC 5321 section 3.3), with MAIL, RCPT and DATA in one flight where PIPELINING is offered (RFC 2920).
import { ProtocolError, ReplyError, type Stage } from '../errors.ts';
import type { RecipientResult, RecipientResults } from '../receipt.ts';
import * as cmd from './command.ts';
import type { Command } from './command.ts';
import { EMPTY } from './content.ts';
import { type Body, type Dialogue, ask } from './dialogue.ts';
import type { EnvelopeCommands } from './envelope.ts';
import type { Mailbox } from './mailbox.ts';
import { type Reply, replyText } from './reply.ts';
import type { WireLevel } from './wire-ladder.ts';

export interface Transaction {
  readonly to: readonly Mailbox[];
  readonly envelope: EnvelopeCommands;
  readonly body: Body;
  /** What this server stands and this message allows. */
  readonly wire: WireLevel;
  /** Send RSET first: the last transaction on this connection ended early. It shares the flight. */
  readonly reset: boolean;
  /** Send to all recipients or to none. Not possible above `envelope` and `chunked`. */
  readonly all: boolean;
}

export interface TransactionResult extends RecipientResults {
  readonly reply: Reply;
  readonly roundTrips: number;
}

/** Sends one message. All replies of a flight are read before any is judged (RFC 2920 section 3.1). */
export function sendMessage(transaction: Transaction): Dialogue<TransactionResult> {
  switch (transaction.wire) {
    case 'lock-step':
      return lockStep(transaction);
    case 'envelope':
    case 'chunked':
      return envelopeFirst(transaction);
    case 'data':
    case 'grouped':
      return withData(transaction);
    case 'one-flight':
      return oneFlight(transaction);
  }
}

/** MAIL, RCPT and DATA in one flight, the message in the next. */
function* withData(transaction: Transaction): Dialogue<TransactionResult> {
  const { to, envelope, body, reset, wire } = transaction;
  const commands = reset ? [cmd.rset(), envelope.mail] : [envelope.mail];
  for (const rcpt of envelope.rcpts) commands.push(rcpt);
  commands.push(cmd.data());
  const replies = yield { kind: 'exchange', commands };
  const first = reset ? 1 : 0;
  if (reset) cleared(replies[0]);
  const mailReply = replies[first];
  const dataReply = replies[commands.length - 1];
  const recipients = sort(to, replies, first + 1);
  const refusal = refused(mailReply, 'MAIL') ?? noneAccepted(recipients);
  if (refusal !== undefined && recipients.accepted.length > 0 && dataReply?.code === 354) {
    // MAIL refused, RCPT and DATA taken: even a lone dot might be delivered. Only hanging up is safe.
    throw new ProtocolError(`MAIL: refused, then DATA accepted: ${refusal.message}`, { stage: 'MAIL' });
  }
  if (refusal !== undefined && dataReply?.code === 354) {
    // The server waits for data nobody should get: the lone dot ends it (RFC 2920 section 3.1).
    try {
      yield { kind: 'exchange', commands: [], body: { ...body, content: EMPTY }, last: true };
    } catch {
      // The refusal is what the caller needs to know; the connection reports its own end.
    }
  }
  if (refusal !== undefined) throw refusal;
  accept(dataReply, 354, 'DATA');
  const answers = yield { kind: 'exchange', commands: [], body, last: wire === 'grouped' };
  return { ...recipients, reply: judgeMessage(answers[0]), roundTrips: 2 };
}

/** MAIL and RCPT in one flight; what they were answered is known before the message is begun. */
function* envelopeFirst(transaction: Transaction): Dialogue<TransactionResult> {
  const { to, body, all } = transaction;
  const [mailReply, ...rest] = yield* openEnvelope(transaction);
  const recipients = sort(to, rest);
  const refusal = refused(mailReply, 'MAIL') ?? noneAccepted(recipients) ?? (all ? notAll(recipients) : undefined);
  if (refusal !== undefined) throw refusal;
  if (body.framing === 'data') accept(yield* ask(cmd.data()), 354, 'DATA');
  const roundTrips = body.framing === 'data' ? 3 : 2;
  return { ...recipients, reply: yield* content(transaction), roundTrips };
}

/** Everything at once; the message is only taken for recipients that were accepted. */
function* oneFlight({ to, envelope, body, reset }: Transaction): Dialogue<TransactionResult> {
  const commands = [envelope.mail, ...envelope.rcpts];
  const replies = yield {
    kind: 'exchange',
    commands: reset ? [cmd.rset(), ...commands] : commands,
    body,
    last: true,
  };
  const messageReply = replies.at(-1);
  const { recipients, refusal } = judgeEnvelope(to, replies.slice(0, -1), reset, messageReply);
  if (refusal !== undefined) throw refusal;
  return { ...recipients, reply: judgeMessage(messageReply), roundTrips: 1 };
}

/** What the envelope was answered, when the message went with it and has its answer as well. */
function judgeEnvelope(
  to: readonly Mailbox[],
  replies: readonly Reply[],
  reset: boolean,
  messageReply: Reply | undefined,
): { readonly recipients: RecipientResults; readonly refusal: ReplyError | undefined } {
  const refusedToo = messageReply !== undefined && messageReply.code >= 400;
  try {
    if (reset) cleared(replies[0]);
    const first = reset ? 1 : 0;
    const recipients = sort(to, replies, first + 1);
    const refusal = refused(replies[first], 'MAIL') ?? noneAccepted(recipients);
    if (refusal !== undefined && !refusedToo) throw new ProtocolError(`message: accepted after ${refusal.message}`);
    return { recipients, refusal };
  } catch (error) {
    if (!(error instanceof ProtocolError) || refusedToo) throw error;
    // The answers contradict each other, and the message was not refused.
    throw new ProtocolError(error.message, { stage: error.stage ?? 'message', mayHaveBeenSent: true });
  }
}

function* lockStep(transaction: Transaction): Dialogue<TransactionResult> {
  const { to, envelope, body, reset, all } = transaction;
  let roundTrips = 1;
  function* one(command: Command): Dialogue<Reply> {
    roundTrips += 1;
    return yield* ask(command);
  }
  if (reset) cleared(yield* one(cmd.rset()));
  const mailRefusal = refused(yield* one(envelope.mail), 'MAIL');
  if (mailRefusal !== undefined) throw mailRefusal;
  const replies: Reply[] = [];
  for (const rcpt of envelope.rcpts) replies.push(yield* one(rcpt));
  const recipients = sort(to, replies);
  const refusal = noneAccepted(recipients) ?? (all ? notAll(recipients) : undefined);
  if (refusal !== undefined) throw refusal;
  if (body.framing === 'data') accept(yield* one(cmd.data()), 354, 'DATA');
  return { ...recipients, reply: yield* content(transaction), roundTrips };
}

/** MAIL and all RCPT, and `then`, in one flight; returns their replies without RSET's. */
function* openEnvelope({ envelope, reset }: Transaction, ...then: readonly Command[]): Dialogue<readonly Reply[]> {
  const commands = [envelope.mail, ...envelope.rcpts, ...then];
  const replies = yield { kind: 'exchange', commands: reset ? [cmd.rset(), ...commands] : commands };
  if (reset) cleared(replies[0]);
  return reset ? replies.slice(1) : replies;
}

/** The message itself. After it nothing more is said, so where the server stands it the next envelope shares its flight. */
function* content({ body, wire }: Transaction): Dialogue<Reply> {
  const last = wire === 'grouped' || wire === 'chunked';
  const replies = yield { kind: 'exchange', commands: [], body, last };
  const refusal = replies.find((reply) => reply.code >= 300);
  const end = replies.at(-1);
  // Chunks are answered one by one, and after a refusal none may be taken (RFC 3030 section 2).
  return judgeMessage(refusal !== undefined && end !== undefined && end.code < 300 ? undefined : (refusal ?? end));
}

function judgeMessage(reply: Reply | undefined): Reply {
  if (reply?.code === 250) return reply;
  if (reply !== undefined && reply.code >= 400) {
    throw new ReplyError('ERR_SMTP_MESSAGE_REFUSED', 'message', reply, { stage: 'message' });
  }
  // Neither yes nor no: what became of the message is anybody's guess.
  throw new ProtocolError(
    `message: expected 250, got ${reply === undefined ? 'contradicting answers' : replyText(reply)}`,
    {
      stage: 'message',
      mayHaveBeenSent: true,
    },
  );
}

/** RFC 5321 section 4.3.2: accepted, will forward, will try. */
const RECIPIENT_TAKEN: readonly number[] = [250, 251, 252];

/** @param first which of the replies is the first recipient's */
function sort(to: readonly Mailbox[], replies: readonly Reply[], first = 0): RecipientResults {
  const [only] = to;
  if (only !== undefined && to.length === 1) {
    const result = recipientResult(only, replies[first]);
    const { code } = result.reply;
    // Most messages have one recipient: two of these three lists need not be made.
    const alone = [result];
    return {
      accepted: code < 300 ? alone : NOBODY,
      deferred: code >= 300 && code < 500 ? alone : NOBODY,
      refused: code >= 500 ? alone : NOBODY,
    };
  }
  const results = to.map((mailbox, i) => recipientResult(mailbox, replies[first + i]));
  return {
    accepted: results.filter(({ reply }) => reply.code < 300),
    deferred: results.filter(({ reply }) => reply.code >= 300 && reply.code < 500),
    refused: results.filter(({ reply }) => reply.code >= 500),
  };
}

const NOBODY: readonly RecipientResult[] = Object.freeze([]);

function recipientResult({ address }: Mailbox, reply: Reply | undefined): RecipientResult {
  if (reply === undefined || (reply.code < 400 && !RECIPIENT_TAKEN.includes(reply.code))) {
    throw new ProtocolError(`RCPT: expected 250, got ${reply === undefined ? 'nothing' : replyText(reply)}`, {
      stage: 'RCPT',
    });
  }
  return { address, reply };
}

function noneAccepted(results: RecipientResults): ReplyError | undefined {
  return results.accepted.length > 0 ? undefined : notAll(results);
}

function notAll({ deferred, refused: refusals }: RecipientResults): ReplyError | undefined {
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
  if (reply?.code !== 250) throw unexpected(reply, 250, stage);
  return undefined;
}

/** RSET has to have worked, or the message could join what the server keeps of the one before, its recipients included. */
function cleared(reply: Reply | undefined): void {
  if (reply?.code !== 250 && reply?.code !== 421) throw unexpected(reply, 250, 'RSET');
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
