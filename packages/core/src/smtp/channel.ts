// A socket, a parser, and a loop that plays dialogues over them, several in flight when the next may speak behind the last
// words of the one before (RFC 2920 section 3.1). Long, because what a socket can do wrong has to be judged beside
// the replies still owed; opening the socket, and whatever can be decided without it, is elsewhere.
import { type Socket, isIPv4, isIPv6 } from 'node:net';
import type { TLSSocket } from 'node:tls';
import {
  CapabilityError,
  ConnectionError,
  type ErrorCode,
  MailError,
  ProtocolError,
  type Stage,
  abortError,
} from '../errors.ts';
import { type Redactor, createRedactor, printable } from '../redact.ts';
import type { Secret } from '../secret.ts';
import { writeBody } from './body.ts';
import { Chunk } from './chunk.ts';
import type { Command } from './command.ts';
import type { Body, Dialogue, Step } from './dialogue.ts';
import { ONE_WRITE, type Piece, writeFlight } from './flight.ts';
import { Owed, type OwedReply } from './owed.ts';
import { ReplyParser } from './reply-parser.ts';
import { ReplyTimer } from './reply-timer.ts';
import { type Reply, replyText } from './reply.ts';
import { type SocketOptions, type StartTls, connectTcp, reasonOf } from './socket.ts';
import { type Timeouts, replyTimeout } from './timeouts.ts';
import { MessageEncoder } from './transparency.ts';
import { transcribe, transcribing } from './transcript.ts';
import type { Part, Turn } from './turn.ts';

export interface ChannelOptions extends SocketOptions {
  /** TLS from the first byte (RFC 8314 section 3.3). */
  readonly implicitTls: boolean;
  readonly startTls: () => Promise<StartTls>;
  readonly timeouts: Timeouts;
  /** Shared by connections that may be read in the same turn of the event loop. */
  readonly turn: Turn;
}

/** A dialogue being played. */
export interface Run {
  /** Where the conversation stands. */
  readonly stage: Stage;
  /** Ends the dialogue with this error; what others on the channel still wait for is not touched where that is possible. */
  cancel(error: ConnectionError): void;
}

export type Done<T> = (error: unknown, value: T | undefined) => void;

interface Task extends Run {
  readonly dialogue: Dialogue<unknown>;
  readonly done: Done<unknown>;
  /** Its success is told at the end of the turn. */
  readonly atEnd: boolean;
  replies: Reply[];
  missing: number;
  stage: Stage;
  /** Its chunks are still being written (RFC 3030); their replies are gathered until they are. */
  chunking: boolean;
  /** A chunk was refused: no more are sent. */
  stopped: boolean;
  /** Settled early: its remaining replies are read and dropped. */
  cancelled: boolean;
  settled: boolean;
}

/** Bytes of a piece that it costs less to copy than to wait until the socket has taken them. */
const SMALL_PIECE = 8 * 1024;
/** Replies owed at a time before nothing more is begun. */
const MANY_REPLIES = 256;
let connections = 0;

export class Channel {
  readonly #options: ChannelOptions;
  readonly #id = ++connections;
  readonly #startTls: StartTls;
  #socket: Socket | TLSSocket;
  #parser = new ReplyParser();
  #redact: Redactor = printable;
  #owed = new Owed<Task>();
  #out: Piece[] = [];
  /** Somebody was told to wait for replies first. */
  #crowded = false;
  /** Who may speak; others wait until it has said its last words. */
  #speaker: Task | undefined;
  /** What arrived is being read, or has been in this turn: what is to be said goes out at its end. */
  #reading = false;
  /** Went well in this turn; not told yet. */
  #ended: { readonly task: Task; readonly value: unknown }[] = [];
  /** The process may end in spite of it. */
  #resting = false;
  /** Replies that arrived together with the one being read, behind it. */
  #behind = 0;
  #failure: MailError | undefined;
  readonly #timer = new ReplyTimer(() => this.#onLate());
  #drained: (() => void) | undefined;

  /** Called when the next dialogue may speak. */
  onFree: (() => void) | undefined;
  /** Called once, when the channel can carry nothing any more. */
  onClose: ((reason: MailError) => void) | undefined;

  /** Connects, and does the TLS handshake where it comes first. */
  static async open(options: ChannelOptions, signal?: AbortSignal): Promise<Channel> {
    const [plain, startTls] = await connectTcp(options, options.startTls(), signal);
    if (!options.implicitTls) return new Channel(options, plain, startTls);
    const { socket, secured } = startTls(plain, options);
    const abort = (): void => void socket.destroy(abortError(signal, 'tls'));
    signal?.addEventListener('abort', abort, { once: true });
    try {
      await secured;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
    return new Channel(options, socket, startTls);
  }

  private constructor(options: ChannelOptions, socket: Socket, startTls: StartTls) {
    this.#options = options;
    this.#socket = socket;
    this.#startTls = startTls;
    options.turn.join();
    this.#attach();
  }

  /** Whether everything said so far was answered and nothing is being said. */
  get idle(): boolean {
    return this.#owed.length === 0 && this.#speaker === undefined;
  }

  /** Whether the next dialogue may speak. Not without end: what the server has not answered yet is lost with the channel. */
  get free(): boolean {
    if (this.#speaker !== undefined || this.#failure !== undefined) return false;
    this.#crowded = this.#owed.length >= MANY_REPLIES;
    return !this.#crowded;
  }

  get closed(): boolean {
    return this.#failure !== undefined;
  }

  /** What is being waited for; `undefined` when nothing is. */
  get stage(): Stage | undefined {
    return this.#owed.first?.stage ?? this.#speaker?.stage;
  }

  /** The address literal of this end (RFC 5321 section 4.1.3), for a client without a name of its own. */
  get localLiteral(): string {
    const address = this.#socket.localAddress ?? '127.0.0.1';
    const ipv4 = address.startsWith('::ffff:') ? address.slice(7) : address;
    return isIPv6(ipv4) ? `[IPv6:${ipv4.replace(/%.*$/, '')}]` : `[${ipv4}]`;
  }

  get remoteAddress(): string {
    return this.#socket.remoteAddress ?? '';
  }

  /** Whether the other end is on this machine. */
  get toLoopback(): boolean {
    const address = this.remoteAddress;
    const ip = address.startsWith('::ffff:') ? address.slice(7) : address;
    return ip === '::1' || (isIPv4(ip) && ip.startsWith('127.'));
  }

  /** TLS version and cipher of the socket; `undefined` while it is in clear. */
  get tls(): { readonly protocol: string; readonly cipher: string } | undefined {
    const socket = this.#socket;
    if (!('getProtocol' in socket)) return undefined;
    return { protocol: socket.getProtocol() ?? 'unknown', cipher: socket.getCipher().name };
  }

  /** From now on these are taken out of everything the server says. */
  hide(secrets: readonly Secret[]): void {
    this.#redact = createRedactor(secrets);
  }

  /** An idle channel does not keep the process alive. */
  rest(): void {
    this.#socket.unref();
    this.#resting = true;
  }

  /**
   * Plays a dialogue to its end and calls `done` once. Only when `free`. That it went well is told at the end of the turn, when
   * what comes next is on its way.
   */
  start<T>(dialogue: Dialogue<T>, done: Done<T>): Run {
    return this.#begin(dialogue, done as Done<unknown>, true);
  }

  #begin(dialogue: Dialogue<unknown>, done: Done<unknown>, atEnd: boolean): Run {
    const task: Task = {
      dialogue,
      done,
      atEnd,
      replies: [],
      missing: 0,
      stage: 'connect',
      chunking: false,
      stopped: false,
      cancelled: false,
      settled: false,
      cancel: (error) => this.#cancel(task, error),
    };
    if (this.#speaker !== undefined) throw new Error('a dialogue was started while another speaks');
    if (this.#failure === undefined) {
      if (this.#resting) this.#socket.ref();
      this.#resting = false;
      this.#speaker = task;
    }
    this.#advance(task, []);
    if (!this.#reading) this.#flush();
    return task;
  }

  /** Plays a dialogue to its end, on a channel that can go on after it. */
  async play<T>(dialogue: Dialogue<T>, signal?: AbortSignal): Promise<T> {
    let abort: (() => void) | undefined;
    let run: Run | undefined;
    try {
      const value = await new Promise<T>((resolve, reject) => {
        const done: Done<unknown> = (error, end) => (error === undefined ? resolve(end as T) : reject(error));
        const begun = this.#begin(dialogue, done, false);
        run = begun;
        abort = () => begun.cancel(abortError(signal));
        signal?.addEventListener('abort', abort, { once: true });
        if (signal?.aborted === true) abort();
      });
      // What came together with the last reply may have been the end of the connection.
      if (this.#failure !== undefined) throw this.#failureFor(this.#failure, run?.stage ?? 'connect', false);
      return value;
    } finally {
      if (abort !== undefined) signal?.removeEventListener('abort', abort);
    }
  }

  /**
   * Drops the connection. Whose turn it was gets an error made from `reason`; those grouped behind, of whose message
   * nothing was sent yet, learn that the connection closed and may try another.
   */
  destroy(reason: MailError): void {
    if (this.#failure !== undefined) return;
    this.#failure = reason;
    this.#options.turn.leave();
    this.#timer.stop();
    this.#note(`closed: ${reason.message}`);
    this.#socket.destroy();
    this.#out = [];
    const owed = this.#owed;
    this.#owed = new Owed();
    const speaker = this.#speaker;
    this.#speaker = undefined;
    this.#drained?.();
    const tasks = owed.tasks();
    if (speaker !== undefined) tasks.add(speaker);
    const bystander = this.#error(
      'ERR_SMTP_CLOSED',
      `the connection was dropped: ${reason.message}`,
      undefined,
      reason,
    );
    let turn = true;
    for (const task of tasks) {
      const sent = owed.isMessageSent(task);
      const stage = owed.of(task).first?.stage ?? task.stage;
      this.#throwInto(task, this.#failureFor(turn ? reason : bystander, stage, sent));
      turn = false;
    }
    this.onClose?.(reason);
  }

  // ---- playing ----

  #advance(task: Task, replies: readonly Reply[], error?: unknown): void {
    let next: IteratorResult<Step, unknown>;
    try {
      next = error === undefined ? task.dialogue.next(replies) : task.dialogue.throw(error);
    } catch (failure) {
      this.#settle(task, failure, undefined);
      return;
    }
    if (next.done === true) this.#settle(task, undefined, next.value);
    else if (this.#failure !== undefined) {
      this.#settle(task, error ?? this.#failureFor(this.#failure, stageOf(next.value), false), undefined);
    } else this.#play(task, next.value);
  }

  #play(task: Task, step: Step): void {
    task.replies = [];
    switch (step.kind) {
      case 'greeting':
        this.#expect(task, 'greeting');
        break;
      case 'secure':
        task.stage = 'tls';
        this.#secure(task);
        break;
      case 'exchange':
        this.#speak(task, step.commands);
        if (step.body !== undefined) this.#sendBody(task, step.body, step.last === true);
        else if (step.last === true) this.#yieldFloor(task);
    }
  }

  /** All commands of a flight as one text: measured and written once. */
  #speak(task: Task, commands: readonly Command[]): void {
    if (commands.length === 0) return;
    const listening = transcribing();
    let text = '';
    for (const { line, log, stage } of commands) {
      text += `${line}\r\n`;
      this.#expect(task, stage);
      if (listening) this.#say('client', log ?? line);
    }
    this.#out.push(text);
  }

  #expect(task: Task, stage: Stage, final = false, early = false): OwedReply<Task> {
    if (task.missing === 0) task.stage = stage;
    task.missing += 1;
    return this.#owed.add(task, stage, final, early);
  }

  /** The floor is free before `done` is told, so that whoever listens sees the channel as it is. */
  #settle(task: Task, error: unknown, value: unknown): void {
    const later = error === undefined && task.atEnd && this.#reading;
    // In the order in which it happened, and before the floor is free: whoever takes it has to know of this failure.
    if (!later) this.#tell();
    const spoke = this.#speaker === task;
    if (spoke) this.#speaker = undefined;
    if (!task.settled) {
      task.settled = true;
      if (later) this.#ended.push({ task, value });
      else task.done(error, value);
    }
    if (spoke && this.#speaker === undefined && this.#failure === undefined) this.onFree?.();
  }

  #yieldFloor(task: Task): void {
    if (this.#speaker !== task) return;
    this.#speaker = undefined;
    if (this.#failure === undefined) this.onFree?.();
  }

  #cancel(task: Task, error: ConnectionError): void {
    if (task.settled) return;
    const { at, first } = this.#owed.of(task);
    if (at <= 0) {
      // Nobody waits for a reply before ours: the connection goes, with it what was grouped behind us (not sent yet).
      this.destroy(error);
      return;
    }
    task.cancelled = true;
    task.settled = true;
    const sent = this.#owed.isMessageSent(task);
    task.done(this.#failureFor(error, first?.stage ?? task.stage, sent), undefined);
  }

  // ---- reading ----

  #onData(chunk: Uint8Array): void {
    if (this.#failure !== undefined) return;
    this.#reading = true;
    this.#read(chunk);
    this.#options.turn.atEnd(this.#turnEnd);
  }

  #read(chunk: Uint8Array): void {
    const replies = this.#parser.push(chunk);
    this.#behind = replies.length;
    for (const raw of replies) {
      this.#behind -= 1;
      this.#onReply(raw);
      if (this.#failure !== undefined) break;
    }
    if (this.#failure !== undefined) return;
    if (replies.length > 0) this.#armTimer(); // a part of a reply does not buy more time
    if (this.#crowded && this.#owed.length < MANY_REPLIES / 2) this.onFree?.();
    if (this.#parser.failure !== undefined) {
      this.destroy(new ProtocolError(this.#redact(this.#parser.failure.message))); // it quotes the server
    } else if (this.#parser.pending && this.#owed.answered) {
      // Its rest would pass for the answer to what is sent next.
      this.destroy(new ProtocolError('half a reply that nobody asked for'));
    }
  }

  readonly #turnEnd: Part = {
    write: () => {
      this.#reading = false;
      this.#flush();
    },
    tell: () => this.#tell(),
  };

  #tell(): void {
    if (this.#ended.length === 0) return;
    const ended = this.#ended;
    this.#ended = [];
    for (const { task, value } of ended) task.done(undefined, value);
  }

  #onReply(raw: Reply): void {
    const shown = this.#redacted(raw);
    if (transcribing()) for (const line of shown.lines) this.#say('server', `${shown.code} ${line}`.trimEnd());
    const expected = this.#owed.first;
    // A challenge is data in base64: what it hides is looked for once it is decoded (authentication.ts).
    const reply = raw.code === 334 && expected?.stage === 'AUTH' ? raw : shown;
    if (expected === undefined || !expected.sent) {
      if (reply.code === 421) {
        this.destroy(this.#error('ERR_SMTP_CLOSED', `the server closed the connection: ${replyText(reply)}`));
      } else this.destroy(new ProtocolError(`a reply nobody asked for: ${replyText(shown)}`));
      return;
    }
    if (expected.early && reply.code < 400) {
      this.destroy(
        new ProtocolError(`the message was answered before its end: ${replyText(shown)}`, { stage: 'message' }),
      );
      return;
    }
    this.#owed.shift();
    const { task } = expected;
    task.replies.push(reply);
    task.missing -= 1;
    const next = this.#owed.first;
    if (next !== undefined && next.task === task) task.stage = next.stage;
    if (expected.stage === 'message' && !expected.final && reply.code >= 300) task.stopped = true;
    // The server says it is its last word (RFC 5321 section 3.8), so it answers the rest of the flight as well.
    if (reply.code === 421 && !task.chunking && !this.#owed.hasMessage) {
      this.#owed.drop(task);
      for (; task.missing > 0; task.missing -= 1) task.replies.push(reply);
    }
    if (task.missing === 0 && !task.chunking) {
      if (task.cancelled) this.destroy(this.#error('ERR_SMTP_CLOSED', 'a message on this connection was cancelled'));
      else this.#advance(task, task.replies);
    }
    if (this.#failure !== undefined) return;
    if (expected.early) {
      // Refused in mid-message: there is no way to stop but to hang up (RFC 5321 section 4.1.1.4).
      this.destroy(this.#error('ERR_SMTP_CLOSED', 'the server refused the message before its end'));
    } else if (reply.code === 421) {
      this.destroy(this.#error('ERR_SMTP_CLOSED', `the server closed the connection: ${replyText(reply)}`));
    }
  }

  #redacted(reply: Reply): Reply {
    const { lines } = reply;
    const line = lines[0] ?? '';
    if (lines.length > 1) return { ...reply, lines: lines.map(this.#redact) };
    const shown = this.#redact(line);
    return shown === line ? reply : { ...reply, lines: [shown] };
  }

  // ---- writing ----

  #flush(): void {
    if (this.#failure !== undefined) return;
    if (this.#out.length > 0) {
      const pieces = this.#out;
      this.#out = [];
      writeFlight(this.#socket, pieces);
    }
    if (this.#owed.markSent()) this.#armTimer();
  }

  #sendBody(task: Task, body: Body, last: boolean): void {
    const { content, framing } = body;
    if (content.bytes !== undefined && content.bytes.length <= ONE_WRITE && content.beforeEnd === undefined) {
      const encoder = new MessageEncoder(framing);
      const bytes = encoder.encode(content.bytes);
      const end = encoder.end();
      if (framing !== 'data') this.#out.push(`BDAT ${bytes.length + end.length} LAST\r\n`);
      this.#out.push(bytes, end);
      this.#expect(task, 'message', true);
      if (transcribing()) this.#note(`message of ${content.bytes.length} bytes`);
      if (last) this.#yieldFloor(task);
      return;
    }
    const sending = framing === 'data' ? this.#sendData(task, body) : this.#sendChunks(task, body);
    sending.then(
      () => {
        if (this.#failure !== undefined) return;
        if (task.missing === 0) this.#advance(task, task.replies);
        else if (last && !task.stopped) this.#yieldFloor(task);
        this.#armTimer();
        this.#flush();
      },
      (cause: unknown) => {
        if (this.#failure !== undefined) return;
        const facts = { cause, stage: 'message' } as const;
        // The text stays out of our message: it is the caller's, and it is there as the cause.
        const unreadable = new ConnectionError('ERR_SMTP_BODY', 'the message could not be read to its end', facts);
        this.destroy(cause instanceof MailError ? cause : unreadable);
      },
    );
  }

  /** A long or streamed message behind DATA. */
  async #sendData(task: Task, body: Body): Promise<void> {
    const expected = this.#expect(task, 'message', true, true);
    this.#flush();
    const written = await writeBody(body, {
      closed: () => this.#failure !== undefined,
      write: (bytes) => this.#write(bytes),
    });
    if (written === undefined) return;
    this.#out.push(written.end);
    expected.early = false;
    this.#note(`message of ${written.size} bytes`);
  }

  /** A long or streamed message in chunks (RFC 3030 section 2); the next goes before the last is answered. */
  async #sendChunks(task: Task, body: Body): Promise<void> {
    task.chunking = true;
    task.stage = 'message';
    const chunk = new Chunk();
    const closed = (): boolean => this.#failure !== undefined || task.stopped;
    const write = async (bytes: Uint8Array): Promise<void> => {
      for (let rest = bytes; rest.length > 0; rest = rest.subarray(chunk.add(rest))) {
        if (!chunk.full) continue;
        this.#expect(task, 'message');
        this.#flush();
        await this.#write(chunk.take());
        if (this.#failure !== undefined) return;
      }
    };
    const written = await writeBody(body, { closed, write });
    if (written !== undefined) await write(written.end);
    task.chunking = false;
    if (written === undefined || closed()) return;
    this.#out.push(chunk.take(' LAST'));
    this.#expect(task, 'message', true);
    this.#note(`message of ${written.size} bytes`);
  }

  /** Resolves when the memory of these bytes can be used again, and the server has taken enough of what was written. */
  async #write(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    if (bytes.length < SMALL_PIECE) {
      this.#socket.write(Buffer.from(bytes));
      if (this.#socket.writableNeedDrain) await this.#taken();
    } else await this.#taken(bytes);
  }

  /** Waits until the socket has taken what was written, these bytes included. */
  async #taken(bytes?: Uint8Array): Promise<void> {
    this.#timer.set(this.#options.timeouts.block);
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
      if (bytes !== undefined) this.#socket.write(bytes, () => resolve());
    });
    this.#drained = undefined;
    this.#armTimer();
  }

  // ---- the socket ----

  #secure(task: Task): void {
    if (this.#owed.length > 0 || this.#behind > 0 || this.#parser.pending || this.#parser.failure !== undefined) {
      this.destroy(new ProtocolError('data arrived between the reply to STARTTLS and the handshake', { stage: 'tls' }));
      return;
    }
    for (const [event, listener] of this.#listeners) this.#socket.off(event, listener as () => void);
    const { socket, secured } = this.#startTls(this.#socket, this.#options);
    this.#socket = socket;
    secured.then(
      () => {
        if (this.#failure !== undefined) return;
        this.#parser = new ReplyParser();
        this.#attach();
        if (transcribing()) this.#note(`TLS: ${this.tls?.protocol} ${this.tls?.cipher}`);
        this.#advance(task, []);
        this.#flush();
      },
      (error: ConnectionError) => this.destroy(error),
    );
  }

  readonly #listeners: readonly [string, (...args: never[]) => void][] = [
    ['data', (chunk: Uint8Array): void => this.#onData(chunk)],
    ['drain', (): void => this.#drained?.()],
    ['error', (cause: Error): void => this.#onError(cause)],
    ['end', (): void => this.#onEnd()],
    ['close', (): void => this.#onEnd()],
  ];

  #attach(): void {
    for (const [event, listener] of this.#listeners) this.#socket.on(event, listener as () => void);
  }

  #onError(cause: Error): void {
    this.destroy(this.#error('ERR_SMTP_CLOSED', `connection lost: ${reasonOf(cause)}`, undefined, cause));
  }

  #onEnd(): void {
    const half = this.#parser.pending ? ' in the middle of a reply' : '';
    this.destroy(this.#error('ERR_SMTP_CLOSED', `the server closed the connection${half}`));
  }

  // ---- time ----

  /** The head of the queue is what we wait for now; its time starts now. */
  #armTimer(): void {
    if (this.#drained !== undefined) return; // what was written has to be taken first, whatever is answered meanwhile
    const head = this.#owed.first;
    // While a message is being written the caller's stream may take its time; the server's turn is timed in #taken.
    const waiting = head !== undefined && !head.early;
    this.#timer.set(waiting ? replyTimeout(this.#options.timeouts, head.stage) : Infinity);
  }

  #onLate(): void {
    if (this.#failure !== undefined) return;
    const stage = this.#owed.first?.stage ?? 'message';
    const waited = this.#drained === undefined ? `no reply to ${stage}` : 'the server took no more of the message';
    this.destroy(this.#error('ERR_SMTP_TIMEOUT', `${waited} in time`, stage));
  }

  // ---- words ----

  #throwInto(task: Task, error: MailError): void {
    if (task.settled) return;
    this.#advance(task, [], error);
  }

  #failureFor(reason: MailError, stage: Stage, sent: boolean): MailError {
    const facts = { cause: reason.cause, stage, mayHaveBeenSent: sent };
    const tail = sent ? '; the message may have been sent' : '';
    if (reason instanceof ProtocolError) return new ProtocolError(`${reason.message}${tail}`, facts);
    if (reason instanceof CapabilityError) return new CapabilityError(reason.code, reason.message, facts);
    const where = reason.message.includes(stage) ? '' : ` (${stage})`;
    return new ConnectionError(reason.code, `${reason.message}${where}${tail}`, facts);
  }

  #error(code: ErrorCode, message: string, stage?: Stage, cause?: unknown): ConnectionError {
    const { host, port } = this.#options;
    return new ConnectionError(code, `${host}:${port}: ${message}`, {
      ...(stage && { stage }),
      ...(cause !== undefined && { cause }),
    });
  }

  #say(from: 'client' | 'server' | 'note', line: string): void {
    const { host, port } = this.#options;
    transcribe({ connection: this.#id, server: { host, port }, from, line, at: Date.now() });
  }

  #note(line: string): void {
    if (transcribing()) this.#say('note', line);
  }
}

function stageOf(step: Step): Stage {
  if (step.kind === 'exchange') return step.commands[0]?.stage ?? 'message';
  return step.kind === 'secure' ? 'tls' : 'greeting';
}
