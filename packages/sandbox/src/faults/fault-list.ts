// Faults that wait for their moment: for each point a queue, used up strike by strike.

/** A fault that has not struck as often as it should. */
export interface WaitingFault {
  /** Good for removing it. */
  readonly id: string;
  readonly on: 'entra' | 'exchange' | 'hve';
  /** Where it strikes. */
  readonly point: string;
  /** The name it was asked for by, where it has one. */
  readonly name: string | undefined;
  /** How often still; `Infinity`: until it is removed. */
  readonly left: number;
}

interface Entry<Point, Fault> {
  readonly id: string;
  readonly point: Point;
  readonly name: string | undefined;
  readonly fault: Fault;
  left: number;
}

/** First in, first out for each point. */
export class FaultList<Point extends string, Fault extends { readonly times?: number }> {
  readonly #on: WaitingFault['on'];
  #entries: Entry<Point, Fault>[] = [];
  #count = 0;

  constructor(on: WaitingFault['on']) {
    this.#on = on;
  }

  add(point: Point, fault: Fault, name?: string): WaitingFault {
    this.#count += 1;
    const entry = { id: `${this.#on}-${this.#count}`, point, name, fault, left: fault.times ?? 1 };
    this.#entries.push(entry);
    return this.#shown(entry);
  }

  take(point: Point): Fault | undefined {
    const entry = this.#entries.find((one) => one.point === point);
    if (entry === undefined) return undefined;
    entry.left -= 1;
    if (entry.left <= 0) this.remove(entry.id);
    return entry.fault;
  }

  /** Oldest first. */
  waiting(): WaitingFault[] {
    return this.#entries.map((entry) => this.#shown(entry));
  }

  /** `false` when there is none with this id. */
  remove(id: string): boolean {
    const before = this.#entries.length;
    this.#entries = this.#entries.filter((entry) => entry.id !== id);
    return this.#entries.length < before;
  }

  /** Forgets all, or those at these points. */
  clear(points?: readonly Point[]): void {
    this.#entries = points === undefined ? [] : this.#entries.filter(({ point }) => !points.includes(point));
  }

  #shown({ id, point, name, left }: Entry<Point, Fault>): WaitingFault {
    return { id, on: this.#on, point, name, left };
  }
}
