// A connection with the script of faults between it and the session: every reply goes through answer().
import type { Connection } from './connection.ts';
import type { ExchangeContext } from './context.ts';
import {
  type CertificateFault,
  createExchangeFaults,
  type ExchangeFault,
  type FaultPoint,
  FAULT_POINTS,
} from './fault.ts';
import { faultWordOf, readFault } from '../faults/named-fault.ts';
import { Disconnected } from './input.ts';
import { Refusals } from './replies.ts';

// Exchange takes tokens of any length it issues; this only bounds memory.
const LINE_LIMIT = 65_536;

const orderOf = (point: FaultPoint): number => FAULT_POINTS.indexOf(point);

export class Dialog {
  readonly connection: Connection;
  readonly context: ExchangeContext;
  readonly refusals: Refusals;
  /** What the last answer said to show in the TLS handshake instead of the honest certificate. */
  certificate: CertificateFault | undefined;
  /** Faults an address of this session asked for. */
  readonly #provoked = createExchangeFaults('exchange');
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
   * Sets the fault an address asks for that came `at` this point: for this session where the fault's point is still to
   * come, else for whoever comes to it next.
   * @returns why not, for an address that asks for a fault there is none of
   */
  provoke(address: string, at: FaultPoint): string | undefined {
    const word = faultWordOf(address);
    if (word === undefined) return undefined;
    const fault = readFault(word);
    if (fault === undefined) return this.refusals.unknownFault(word);
    this.note(`${address} asks for the fault ${fault.name}: ${fault.says}`);
    if (fault.on === 'entra') this.context.provokeEntra(fault.fault, fault.name);
    else if (orderOf(fault.point) < orderOf(at)) this.context.faults.add(fault.point, fault.fault, fault.name);
    else this.#provoked.add(fault.point, fault.fault, fault.name);
    return undefined;
  }

  /** A new transaction: what an address of the one before asked for is void. */
  forget(): void {
    this.#provoked.clear(['RCPT', 'DATA', 'BDAT', 'MESSAGE']);
  }

  /**
   * Replies to a command, or does what a fault has in its place. `effect` is what the command does; it is done before
   * the reply goes out.
   * @returns the first digit of what was said
   * @throws Disconnected when a fault ended the conversation
   */
  async answer(point: FaultPoint, reply: string, effect?: () => void | Promise<void>): Promise<string> {
    const { faults, options } = this.context;
    const fault = this.#provoked.take(point) ?? faults.take(point) ?? {};
    this.certificate = fault.certificate;
    const delay = options.replyDelay + (fault.delay ?? 0);
    if (delay > 0) await this.connection.pause(delay);
    const scripted = this.#scripted(fault);
    const said = scripted ?? reply;
    if (scripted === undefined && reply.startsWith('5')) await this.penalty();
    const digit = firstDigit(said);
    if (digit === firstDigit(reply)) await effect?.();
    const mute = scripted === undefined && (fault.close !== undefined || fault.hang === true);
    if (!mute && fault.drip !== undefined) await this.connection.drip(said, fault.drip);
    else if (!mute) this.connection.write(said);
    if (fault.hang === true) {
      this.connection.flush();
      await this.connection.left;
      throw new Disconnected();
    }
    if (fault.close === 'end') this.connection.end();
    if (fault.close === 'reset') {
      this.connection.flush();
      this.connection.reset();
    }
    if (fault.close !== undefined) throw new Disconnected();
    return digit;
  }

  #scripted({ reply, raw }: ExchangeFault): string | Uint8Array | undefined {
    if (raw !== undefined) return Buffer.from(raw, 'utf8');
    return typeof reply === 'string' ? reply.replaceAll('[server time session]', this.refusals.trailer) : reply;
  }

  /** Asks for more with 334 and reads the answer; nothing of it is recorded here. */
  async challenge(text: string): Promise<string | undefined> {
    this.connection.write(`334 ${text}`);
    return (await this.line())?.toString('latin1');
  }
}

const firstDigit = (reply: string | Uint8Array): string =>
  typeof reply === 'string' ? reply.slice(0, 1) : String.fromCharCode(reply[0] ?? 0);
