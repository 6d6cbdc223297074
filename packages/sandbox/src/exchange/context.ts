// What every session shares: settings, the directory and keys it checks against, where mail goes.
import type { JWTVerifyGetKey } from 'jose';
import type { SecureContext } from 'node:tls';
import type { Directory } from '../directory.ts';
import type { Delivery } from '../inbox/message.ts';
import type { EntraFault } from '../entra/fault.ts';
import type { CertificateFault, ExchangeFaults } from './fault.ts';
import type { HveRules } from './hve.ts';
import type { ExchangeLimits, TrafficBook } from './traffic.ts';

/** A recipient that is refused at RCPT. */
export interface RefuseRule {
  /** The whole address, without regard to case, or a pattern. */
  readonly match: string | RegExp;
  /** The reply, such as `550 5.1.10 …` or `451 4.7.500 …`. */
  readonly reply: string;
}

export interface ExchangeOptions {
  /** Changes what EHLO offers: gets Exchange's list, returns what to say. Default: Exchange's own. */
  readonly extensions?: (offered: readonly string[], stage: { readonly tls: boolean }) => readonly string[];
  /** Bytes; default 157286400 (150 MiB), as Exchange announces. */
  readonly maxSize?: number;
  /** Recipients per message; default 500. */
  readonly maxRecipients?: number;
  /** Addresses in a tenant's own domain that have no mailbox: Exchange accepts them at RCPT (the default) and bounces later. */
  readonly unknownRecipients?: 'accept' | 'refuse';
  /** Recipients to refuse. */
  readonly refuse?: readonly RefuseRule[];
  /** Messages with a CR or LF of its own: refused with 5.6.11 (the default), or kept as they are. Never repaired. */
  readonly bareLineEnds?: 'refuse' | 'keep';
  /** Milliseconds before every reply; default 0. */
  readonly replyDelay?: number;
  /** TLS from the first byte, as on port 465 elsewhere; default `false`: STARTTLS. */
  readonly implicitTls?: boolean;
  /** Limits of a mailbox; default: Exchange's, without those that take time. `EXCHANGE_LIMITS` has them all. */
  readonly limits?: Partial<ExchangeLimits>;
  /** Milliseconds by the sandbox's clock until Exchange takes notice of a change in the directory; default 0. */
  readonly propagationDelay?: number;
  /** Names in the server's certificate; default `['localhost', '127.0.0.1', '::1']`. */
  readonly certificateNames?: readonly string[];
}

export interface ExchangeContext {
  readonly options: Required<Omit<ExchangeOptions, 'certificateNames' | 'limits' | 'propagationDelay'>>;
  /** The name it greets with. */
  readonly host: string;
  /** Rules of High Volume Email, where it is that. */
  readonly hve: HveRules | undefined;
  /** Numbers sessions, over all listeners. */
  readonly nextSession: () => number;
  readonly limits: ExchangeLimits;
  readonly traffic: TrafficBook;
  readonly faults: ExchangeFaults;
  /** Sets a fault of the token endpoint that an address asked for. */
  readonly provokeEntra: (fault: EntraFault, name: string) => void;
  /** The certificate to show, or one that is wrong in some way. */
  readonly secureContext: (fault?: CertificateFault) => Promise<SecureContext>;
  /** As Exchange knows it, which may be as it was a while ago. */
  readonly directory: () => Directory;
  readonly now: () => number;
  readonly keys: () => Promise<JWTVerifyGetKey>;
  /** Runs when a session began and when it ended. */
  readonly onSession: () => void;
  readonly deliver: (delivery: Delivery) => Promise<void>;
}
