// Logins tried for health checks: rarely, and once for all who ask.
import type { MailClient } from '@mailgrant/mail';

interface Attempt {
  readonly failure: Promise<unknown>;
  /** Epoch milliseconds of its end; until then all who ask wait for it. */
  at: number;
}

export class LoginChecks {
  readonly #attempts = new WeakMap<MailClient, Attempt>();

  /** What the last login failed with, `undefined` where it succeeded. */
  failureOf(client: MailClient, { maxAge, deadline }: { maxAge: number; deadline: number }): Promise<unknown> {
    const last = this.#attempts.get(client);
    if (last !== undefined && Date.now() < last.at + maxAge) return last.failure;
    const failure = client.verify({ deadline }).then(
      () => undefined,
      (error: unknown) => error,
    );
    const attempt: Attempt = { failure, at: Infinity };
    this.#attempts.set(client, attempt);
    void failure.then(() => (attempt.at = Date.now()));
    return failure;
  }
}
