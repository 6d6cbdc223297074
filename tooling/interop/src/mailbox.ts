// What has arrived in the end, and a way to wait for it.

/** A message as it arrived. */
export interface Arrival {
  readonly from: string;
  readonly to: readonly string[];
  readonly raw: Buffer;
}

/** Keeps messages by the name in their Subject field. */
export class Mailbox {
  readonly #arrivals = new Map<string, Arrival[]>();
  readonly #waiting = new Set<() => void>();

  add(arrival: Arrival): void {
    const name = /^Subject: (\S+)/m.exec(arrival.raw.subarray(0, 4_096).toString('latin1'))?.[1] ?? '';
    this.#arrivals.set(name, [...this.arrived(name), arrival]);
    for (const wake of this.#waiting) wake();
  }

  arrived(name: string): readonly Arrival[] {
    return this.#arrivals.get(name) ?? [];
  }

  /** Resolves when the message has arrived for all of these; servers may split it. */
  async waitFor(name: string, recipients: readonly string[], timeout = 30_000): Promise<readonly Arrival[]> {
    const reached = (): string[] => this.arrived(name).flatMap(({ to }) => to);
    const complete = (): boolean => recipients.every((recipient) => reached().includes(recipient));
    if (!complete()) {
      await new Promise<void>((resolve, reject) => {
        const wake = (): void => {
          if (complete()) settle(resolve);
        };
        const late = (): void => {
          const message = `not delivered within ${timeout / 1000} s; arrived for: ${reached().join(', ') || 'nobody'}`;
          settle(() => reject(new Error(message)));
        };
        const timer = setTimeout(late, timeout);
        const settle = (how: () => void): void => {
          clearTimeout(timer);
          this.#waiting.delete(wake);
          how();
        };
        this.#waiting.add(wake);
      });
    }
    return this.arrived(name);
  }
}
