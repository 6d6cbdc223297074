// Misbehaviour of the SMTP server, on demand.

/** Where in a conversation a fault strikes: the reply to this command, to the end of the message, or the greeting. */
export type FaultPoint =
  | 'GREETING'
  | 'EHLO'
  | 'STARTTLS'
  | 'AUTH'
  | 'MAIL'
  | 'RCPT'
  | 'DATA'
  | 'BDAT'
  | 'MESSAGE'
  | 'RSET'
  | 'NOOP'
  | 'VRFY'
  | 'HELP'
  | 'QUIT';

/** What happens in place of an honest reply. Parts combine: after the delay the reply, after the reply the close. */
export interface ExchangeFault {
  /**
   * Said instead of the honest reply. A string is sent as lines (`\n` between them, CRLF is added), bytes as they are.
   * The command takes effect only when the first digit is that of the honest reply.
   */
  readonly reply?: string | Uint8Array;
  /** Milliseconds to wait before the reply. Alone, it delays the honest one. */
  readonly delay?: number;
  /** Never replies. The command has taken effect. */
  readonly hang?: boolean;
  /**
   * Closes the connection after the reply or, where no reply is given, instead of it: then the command has taken effect
   * and only its reply is lost. `end` closes in order (FIN), `reset` does not (RST).
   */
  readonly close?: 'end' | 'reset';
  /** How often it strikes; default 1, `Infinity` until `clear()`. */
  readonly times?: number;
}

/** Faults waiting for their moment, first in, first out for each point. */
export class ExchangeFaults {
  readonly #waiting = new Map<FaultPoint, { readonly fault: ExchangeFault; left: number }[]>();

  add(point: FaultPoint, fault: ExchangeFault): void {
    const list = this.#waiting.get(point) ?? [];
    list.push({ fault, left: fault.times ?? 1 });
    this.#waiting.set(point, list);
  }

  take(point: FaultPoint): ExchangeFault | undefined {
    const list = this.#waiting.get(point);
    const first = list?.[0];
    if (list === undefined || first === undefined) return undefined;
    first.left -= 1;
    if (first.left <= 0) list.shift();
    return first.fault;
  }

  clear(): void {
    this.#waiting.clear();
  }
}
