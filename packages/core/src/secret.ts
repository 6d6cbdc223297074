// Secrets travel as this type: only reveal() shows the value, every way of printing shows `[redacted]`.

const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** A value that does not print. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself, for the one place that puts it on the wire. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '[redacted]';
  }

  toJSON(): string {
    return '[redacted]';
  }

  [INSPECT](): string {
    return '[redacted]';
  }
}
