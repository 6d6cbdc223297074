// A message on its way behind its envelope, piece by piece. Where the bytes go is not known here: into DATA or into chunks.
import { isAscii } from 'node:buffer';
import { ConnectionError } from '../errors.ts';
import type { Content } from './content.ts';
import type { Body } from './dialogue.ts';
import { eightBitRefused } from './envelope.ts';
import { MessageEncoder } from './transparency.ts';

/** Takes a message in its wire form. */
export interface Outlet {
  /** Whether nobody wants the rest: the connection is gone, or what came was refused. */
  closed(): boolean;
  /** Resolves when the memory of the bytes can be used again. */
  write(bytes: Uint8Array): Promise<void>;
}

/** What was written of a message, and its last bytes, which were not. */
export interface Written {
  /** Bytes, as the caller gave them. */
  readonly size: number;
  readonly end: Uint8Array;
}

/** Writes all of a message but its last bytes; `undefined` where nobody wants them. */
export async function writeBody({ content, framing, sevenBit }: Body, outlet: Outlet): Promise<Written | undefined> {
  const encoder = new MessageEncoder(framing);
  let size = 0;
  for await (const piece of content.pieces()) {
    if (outlet.closed()) return undefined;
    if (piece.length === 0) await othersTurn();
    if (sevenBit && framing !== 'binary' && !isAscii(piece)) throw eightBitRefused();
    size += piece.length;
    await outlet.write(encoder.encode(piece));
    if (outlet.closed()) return undefined;
  }
  // It may have been given up while the last piece was waited for.
  if (outlet.closed()) return undefined;
  await beforeEnd(content);
  return outlet.closed() ? undefined : { size, end: encoder.end() };
}

/** A source that yields nothing, again and again, must not keep everything else from happening, its deadline included. */
const othersTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Lets the caller note that the message is about to be sent. Where that fails it is not. */
async function beforeEnd(content: Content): Promise<void> {
  try {
    await content.beforeEnd?.();
  } catch (cause) {
    const facts = { cause, stage: 'message' } as const;
    throw new ConnectionError('ERR_SMTP_HELD', 'the message was held back: beforeCommit failed', facts);
  }
}
