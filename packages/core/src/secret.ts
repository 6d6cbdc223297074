// Secrets travel as this type: only reveal() shows the value, every way of printing shows `[redacted]`.

const REDACTED = '[redacted]';

/** A value that does not print. */
export class Secret {
  readonly #value: string;

  static {
    // What util.inspect and console.log ask for; set here because isolated declarations know no computed method names.
    Object.defineProperty(this.prototype, Symbol.for('nodejs.util.inspect.custom'), { value: () => REDACTED });
  }

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself, for the one place that puts it on the wire. */
  reveal(): string {
    return this.#value;
  }

  /** `[redacted]`, as for everything that prints. */
  toString(): string {
    return REDACTED;
  }

  /** `[redacted]`. */
  toJSON(): string {
    return REDACTED;
  }
}
