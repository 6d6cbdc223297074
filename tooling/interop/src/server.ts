// What a run knows of a server under test, whoever wrote it.
import type { Certificate } from './certificate.ts';
import type { Accounts } from './accounts.ts';
import type { Sink } from './sink.ts';

/** A server that runs, ready to be sent to. */
export interface RunningServer extends AsyncDisposable {
  /** `Exim 4.96`. */
  readonly version: string;
  /** On 127.0.0.1. */
  readonly ports: { readonly starttls: number; readonly implicit: number };
  /** What it puts before a message on its way, such as a Received field; without a group: nothing. */
  readonly prepends: RegExp | undefined;
}

export interface ServerContext {
  readonly certificate: Certificate;
  /** Files with the PEM of certificate and key, readable by everybody: the key is worth nothing. */
  readonly files: { readonly certificate: string; readonly key: string };
  readonly accounts: Accounts;
  /** Where the server delivers to. */
  readonly sink: Sink;
  /** A folder of its own, empty. */
  readonly folder: string;
}

export interface ServerKind {
  /** For the command line. */
  readonly name: string;
  /** Why it cannot run here; `undefined` when it can. */
  missing(): Promise<string | undefined>;
  start(context: ServerContext): Promise<RunningServer>;
  /** Cases it is known to fail, by name, and what it does then. */
  readonly known?: Readonly<Record<string, string>>;
}

/** Every server under test refuses this local part with 550 5.1.1. */
export const REFUSED = 'refused';
