// A conversation as straight-line code: it yields what to send and receives the replies. It does no I/O; the channel plays it.
import type { Command } from './command.ts';
import type { Content } from './content.ts';
import type { Reply } from './reply.ts';
import type { Framing } from './transparency.ts';

export type Step =
  /** Wait for the server to speak first. One reply. */
  | { readonly kind: 'greeting' }
  /** Send commands, then the body if there is one, in one flight. One reply each (one per BDAT chunk). */
  | { readonly kind: 'exchange'; readonly commands: readonly Command[]; readonly body?: Body; readonly last?: boolean }
  /** Start TLS on the socket. No reply. */
  | { readonly kind: 'secure' };

export interface Body {
  readonly content: Content;
  readonly framing: Framing;
  /** Refuse 8-bit content: the server did not offer 8BITMIME. */
  readonly sevenBit: boolean;
}

/**
 * Yields steps, receives their replies. `last: true` on a step says that nothing more will be sent after it, so that
 * the channel may let the next dialogue speak behind it in the same flight (RFC 2920 section 3.1).
 */
export type Dialogue<T> = Generator<Step, T, readonly Reply[]>;

/** One reply to nothing: the greeting. */
export function* greeting(): Dialogue<Reply> {
  return only(yield { kind: 'greeting' });
}

/** One command, one reply. */
export function* ask(command: Command): Dialogue<Reply> {
  return only(yield { kind: 'exchange', commands: [command] });
}

function only(replies: readonly Reply[]): Reply {
  const [reply] = replies;
  if (reply === undefined) throw new Error('a dialogue was resumed without its reply');
  return reply;
}
