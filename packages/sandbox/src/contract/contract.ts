// What an adapter shows of itself so that the contract can be run against it. Structural: nothing of ours is imported.

/** How to reach and log in to the sandbox. Plain data. */
export interface ContractAccount {
  readonly host: string;
  readonly port: number;
  /** PEM of the authority to trust, and no other. */
  readonly ca: string;
  /** The mailbox to log in as. */
  readonly user: string;
  readonly tenantId: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope: string;
  /** URL of the token endpoint, over HTTP. */
  readonly tokenEndpoint: string;
  /** `https://…/<tenant id>`, with a certificate of `ca`: for clients that insist on https. */
  readonly authority: string;
}

export interface ContractAttachment {
  readonly filename: string;
  readonly contentType: string;
  readonly content: Buffer;
}

/** A mail as nodemailer knows it. */
export interface ContractMail {
  readonly from: string;
  readonly to: string[];
  readonly cc?: string[];
  readonly bcc?: string[];
  readonly subject: string;
  readonly text: string;
  readonly html?: string;
  readonly attachments?: ContractAttachment[];
}

export interface ContractSendOptions {
  readonly signal?: AbortSignal;
  /** Milliseconds for everything. */
  readonly deadline?: number;
}

export interface ContractReceipt {
  /** The message's Message-ID, where the adapter tells it. */
  readonly messageId?: string | undefined;
  readonly accepted: readonly string[];
  readonly rejected: readonly string[];
}

/** What sends under one name. */
export interface ContractSender {
  send(mail: ContractMail, options?: ContractSendOptions): Promise<ContractReceipt>;
  /** Logs in without sending. */
  verify?(): Promise<unknown>;
  /** How it stands: `'up'`, or another word. */
  health?(): { readonly status: string } | Promise<{ readonly status: string }>;
}

/** A running adapter. */
export interface ContractSubject extends ContractSender {
  /** The mailer of this name, of those it was opened with. */
  named?(name: string): ContractSender;
  close(): Promise<unknown>;
}

/**
 * What an adapter may lack: ending a send by a signal; a deadline of its own; waiting in `close()` for what was accepted;
 * composing (headers, HTML, attachments); seeing addresses as the caller wrote them; telling its health; logging in
 * without sending; several mailers by name.
 */
export type ContractCapability =
  | 'abort'
  | 'deadline'
  | 'drain'
  | 'compose'
  | 'addresses'
  | 'health'
  | 'verify'
  | 'names';

/** How the contract gets an adapter to judge. */
export interface ContractHarness {
  /**
   * Starts the adapter for an account, and one more for each name in `named`. The contract closes it. An adapter that
   * sends in the background tells of the outcome of the delivery, not of the queueing.
   */
  open(account: ContractAccount, named?: Readonly<Record<string, ContractAccount>>): Promise<ContractSubject>;
  /** What it does not promise. Such cases are listed as skipped, with this word. */
  readonly without?: readonly ContractCapability[];
}

/** One promise of the contract. */
export interface ContractCase {
  /** A sentence. */
  readonly name: string;
  readonly needs: readonly ContractCapability[];
  /** Starts a sandbox, opens the adapter and judges it. @throws AssertionError for a broken promise */
  run(harness: ContractHarness): Promise<void>;
}

/** What is used of a test runner; those of vitest, Jest and node:test fit. */
export interface ContractRunner {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly test: {
    (name: string, body: () => Promise<void>): unknown;
    readonly skip: (name: string, body: () => Promise<void>) => unknown;
  };
}

/** What a case needs and the adapter does not promise. */
export const lacking = (
  { needs }: Pick<ContractCase, 'needs'>,
  { without = [] }: Pick<ContractHarness, 'without'>,
): readonly ContractCapability[] => needs.filter((capability) => without.includes(capability));
