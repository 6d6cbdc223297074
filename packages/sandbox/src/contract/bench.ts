// A sandbox and an adapter for one case, and the promises that hold in every case: errors have a code, nothing spills.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as later } from 'node:timers/promises';
import { createSandbox, type Sandbox } from '../sandbox.ts';
import type { SandboxOptions } from '../sandbox-options.ts';
import { lacking } from './contract.ts';
import type {
  ContractAccount,
  ContractCapability,
  ContractCase,
  ContractHarness,
  ContractMail,
  ContractReceipt,
  ContractSender,
  ContractSendOptions,
  ContractSubject,
} from './contract.ts';
import { printed, spilled } from './spill.ts';

/** What an error tells, whatever its class. */
export interface Failure {
  readonly error: Error;
  readonly code: string;
  readonly mayHaveBeenSent: boolean;
}

export const OTHER_MAILBOX = 'billing@contoso.com';
const MAILBOX = 'noreply@contoso.com';

export class Bench {
  readonly sandbox: Sandbox;
  readonly #harness: ContractHarness;
  readonly #opened: ContractSubject[] = [];
  readonly #seen: string[] = [];
  readonly #secret: string;

  constructor(sandbox: Sandbox, harness: ContractHarness, secret: string) {
    this.sandbox = sandbox;
    this.#harness = harness;
    this.#secret = secret;
  }

  get account(): ContractAccount {
    const { smtp, ca, mailbox, tenantId, clientId, clientSecret, scope, tokenEndpoint, authority } = this.sandbox;
    return { ...smtp, ca, user: mailbox, tenantId, clientId, clientSecret, scope, tokenEndpoint, authority };
  }

  /** Opens the adapter; it is closed after the case. */
  async open(
    changes: Partial<ContractAccount> = {},
    named?: Readonly<Record<string, ContractAccount>>,
  ): Promise<ContractSubject> {
    const subject = await this.#harness.open({ ...this.account, ...changes }, named);
    this.#opened.push(subject);
    return subject;
  }

  mail(fields: Partial<ContractMail> = {}): ContractMail {
    return { from: this.sandbox.mailbox, to: ['ada@example.com'], subject: 'Hello', text: 'It works.', ...fields };
  }

  /** What could be read of this afterwards must hold no secret. */
  saw<T>(value: T): T {
    this.#seen.push(printed(value));
    return value;
  }

  async send(
    sender: ContractSender,
    fields: Partial<ContractMail> = {},
    options: ContractSendOptions = {},
  ): Promise<ContractReceipt> {
    return this.saw(await sender.send(this.mail(fields), options));
  }

  /** A send that has to fail. */
  fails(
    sender: ContractSender,
    fields: Partial<ContractMail> = {},
    options: ContractSendOptions = {},
  ): Promise<Failure> {
    return this.failure(sender.send(this.mail(fields), options));
  }

  /** The error of something that has to fail: an Error with a `code`. */
  async failure(attempt: Promise<unknown>): Promise<Failure> {
    const error: unknown = await attempt.then(
      (value) => assert.fail(`it should have failed, and came to ${printed(this.saw(value)).slice(0, 500)}`),
      (reason: unknown) => reason,
    );
    this.saw(error);
    assert.ok(error instanceof Error, `rejected with something that is no Error: ${printed(error)}`);
    const { code, mayHaveBeenSent } = error as Error & { code?: unknown; mayHaveBeenSent?: unknown };
    assert.ok(typeof code === 'string' && code !== '', `an error without a code: ${printed(error)}`);
    return { error, code, mayHaveBeenSent: mayHaveBeenSent === true };
  }

  /** Fails, and says that no copy is on its way; none is. */
  async failsUnsent(
    sender: ContractSender,
    fields: Partial<ContractMail> = {},
    options: ContractSendOptions = {},
  ): Promise<Failure> {
    const failure = await this.fails(sender, fields, options);
    assert.equal(failure.mayHaveBeenSent, false, 'mayHaveBeenSent, of a message that was not sent');
    assert.deepEqual(this.subjects(), [], 'messages in the inbox');
    return failure;
  }

  /** Subjects of what was delivered, in order of arrival. */
  subjects(): readonly string[] {
    return this.sandbox.inbox.messages.map(({ subject }) => subject);
  }

  /** Whether a client said this in any session. */
  heard(command: string): boolean {
    return this.sandbox.sessions.some(({ entries }) =>
      entries.some(({ from, text }) => from === 'client' && text.startsWith(command)),
    );
  }

  /** Waits for what has no event. When `meanwhile` has settled, nothing more will happen. */
  async until(what: string, condition: () => boolean, meanwhile?: Promise<unknown>): Promise<void> {
    let over = false;
    const settled = meanwhile?.finally(() => (over = true));
    settled?.catch(() => {}); // thrown below, or by whoever awaits it
    for (let left = 3000; !condition() && left > 0 && !over; left -= 1) await later(5);
    if (over) await settled;
    assert.ok(condition(), `waited in vain: ${what}`);
  }

  /** Judges what was seen, and closes all. */
  async end(): Promise<void> {
    // The sandbox goes at the same time, so that nobody waits for answers that never come.
    const closing = this.#opened.map((subject) => subject.close());
    await Promise.all([...closing, this.sandbox.close()]);
    this.#opened.forEach((subject) => this.saw(subject));
    for (const text of this.#seen) this.keeps(text);
  }

  /** @throws AssertionError when a secret can be read in `text` */
  keeps(text: string): void {
    const found = spilled(text, [this.#secret]);
    assert.equal(found, undefined, `${found} can be read in what the adapter hands out`);
  }
}

/** Makes a case: a sandbox of its own with two mailboxes, a secret nobody else has, and the promises of every case. */
export function contractCase(
  name: string,
  needs: readonly ContractCapability[],
  judge: (bench: Bench) => Promise<void>,
  smtp: NonNullable<SandboxOptions['smtp']> = {},
): ContractCase {
  return {
    name,
    needs,
    async run(harness) {
      const missing = lacking({ needs }, harness);
      assert.deepEqual(missing, [], `the adapter does not promise: ${missing.join(', ')}`);
      const secret = `canary~${randomBytes(24).toString('base64url')}`;
      const tenant = { mailboxes: [MAILBOX, OTHER_MAILBOX], apps: [{ secrets: [secret] }] };
      const bench = new Bench(await createSandbox({ tenants: [tenant], smtp }), harness, secret);
      let judged = false;
      try {
        await judge(bench);
        judged = true;
      } finally {
        // What went wrong first is what is told.
        await bench.end().catch((error: unknown) => {
          if (judged) throw error;
        });
      }
    },
  };
}
