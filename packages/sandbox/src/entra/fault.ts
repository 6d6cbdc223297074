// Misbehaviour of the token endpoint, on demand: a list of what to do instead, used up request by request.

/** What the token endpoint does instead of its honest answer. */
export interface EntraFault {
  /** HTTP status; default 200 with a `body`, 307 with a `redirect`. Without a `body`, 429 and 5xx carry Entra's JSON. */
  readonly status?: number;
  /** `Retry-After`: seconds, or an HTTP date. */
  readonly retryAfter?: number | string;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object goes out as JSON, a string as it is: HTML where it begins with `<`. */
  readonly body?: string | Readonly<Record<string, unknown>>;
  /** `Location` to redirect to. */
  readonly redirect?: string;
  /** Milliseconds to wait first. Alone, it delays the honest answer. */
  readonly delay?: number;
  /** Never answers; the connection stays open until the client or the sandbox closes it. */
  readonly hang?: boolean;
  /** Drops the connection with a TCP reset. */
  readonly reset?: boolean;
  /** How many requests it is for; default 1, `Infinity` until `clear()`. */
  readonly times?: number;
}

/** Faults waiting to be used, first in, first out. */
export class FaultQueue {
  #waiting: { readonly fault: EntraFault; left: number }[] = [];

  add(fault: EntraFault): void {
    this.#waiting.push({ fault, left: fault.times ?? 1 });
  }

  take(): EntraFault | undefined {
    const first = this.#waiting[0];
    if (first === undefined) return undefined;
    first.left -= 1;
    if (first.left <= 0) this.#waiting.shift();
    return first.fault;
  }

  clear(): void {
    this.#waiting = [];
  }
}
