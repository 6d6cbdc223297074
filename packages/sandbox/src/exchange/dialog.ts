// A connection with the script of faults between it and the session: every reply goes through answer().
import type { Connection } from './connection.ts';
import type { ExchangeContext } from './context.ts';
import type { FaultPoint } from './fault.ts';
import { Disconnected } from './input.ts';
import { Refusals } from './replies.ts';

// Exchange takes tokens of any length it issues; this only bounds memory.
const LINE_LIMIT = 65_536;

export class Dialog {
  readonly connection: Connection;
  readonly context: ExchangeContext;
  readonly refusals: Refusals;
  #bad = 0;

  constructor(connection: Connection, context: ExchangeContext, sessionId: string) {
    this.connection = connection;
    this.context = context;
    this.refusals = new Refusals(sessionId, context.now);
  }

  /** The next line from the client, not recorded yet; `undefined` when it is too long. */
  line(): Promise<Buffer | undefined> {
    return this.connection.input.line(LINE_LIMIT);
  }

  heard(text: string): void {
    this.connection.conversation.add('client', text);
  }

  /** Holds back the reply to a bad command, once more for each bad one before (`limits.tarpit`). */
  async penalty(): Promise<void> {
    this.#bad += 1;
    const { tarpit } = this.context.limits;
    if (tarpit > 0) await this.connection.pause(tarpit * this.#bad);
  }

  note(text: string): void {
    this.connection.conversation.add('note', text);
  }

  /**
   * Replies to a command, or does what a fault has in its place. `effect` is what the command does; it is done before
   * the reply goes out.
   * @returns the first digit of what was said
   * @throws Disconnected when a fault ended the conversation
   */
  async answer(point: FaultPoint, reply: string, effect?: () => void | Promise<void>): Promise<string> {
    const { faults, options } = this.context;
    const fault = faults.take(point);
    const delay = options.replyDelay + (fault?.delay ?? 0);
    if (delay > 0) await this.connection.pause(delay);
    const said = fault?.reply ?? reply;
    if (fault?.reply === undefined && reply.startsWith('5')) await this.penalty();
    const digit = firstDigit(said);
    if (digit === firstDigit(reply)) await effect?.();
    if (fault?.hang === true) {
      this.connection.flush();
      await this.connection.closed;
      throw new Disconnected();
    }
    if (fault?.close === undefined || fault.reply !== undefined) this.connection.write(said);
    if (fault?.close === 'end') this.connection.end();
    if (fault?.close === 'reset') {
      this.connection.flush();
      this.connection.reset();
    }
    if (fault?.close !== undefined) throw new Disconnected();
    return digit;
  }

  /** Asks for more with 334 and reads the answer; nothing of it is recorded here. */
  async challenge(text: string): Promise<string | undefined> {
    this.connection.write(`334 ${text}`);
    return (await this.line())?.toString('latin1');
  }
}

const firstDigit = (reply: string | Uint8Array): string =>
  typeof reply === 'string' ? reply.slice(0, 1) : String.fromCharCode(reply[0] ?? 0);
