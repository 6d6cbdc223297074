// A compiled message as a body for core: ready bytes where it is small, else a stream that opens nothing until it is read.
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { InputError } from '@mailgrant/core';
import type { QuotedPrintable } from './encoders.ts';
import { LineEnds } from './line-ends.ts';
import { type MimeNode, nodesOf, type Source, sourceOf } from './mime-tree.ts';
import { canBePieced, piecesOf } from './pieces.ts';
import { streamByNodemailer, streamOfPieces } from './streams.ts';

/** What a message may be read from besides the mail itself. */
export interface ContentPolicy {
  readonly allowFiles: boolean;
  readonly allowUrls: boolean;
}

/**
 * Up to this much ready content a message is composed at once: core then knows its size, and that it is ASCII. More is
 * composed while it is sent, for it costs no more time (measured up to 1 MB), and a thousand waiting messages with the
 * same attachment hold it once.
 */
const SMALL = 64 * 1024;

/** A body for core, with its size where that is known. */
export type Body = { readonly message: Buffer; readonly size: number } | { readonly message: Readable };

let loading: Promise<QuotedPrintable> | undefined;

/** nodemailer's encoder for text, loaded with the first message. */
function quotedPrintableStream(): Promise<QuotedPrintable> {
  return (loading ??= import('nodemailer/lib/qp/index.js').then(({ Encoder }) => Encoder));
}

/**
 * The message as bytes, or as a stream if that could mean much memory or holds something open.
 * @throws TypeError `ERR_INPUT_MESSAGE` for a file or URL that may not or cannot be read: known before anything is sent.
 */
export async function toBody(root: MimeNode, policy: ContentPolicy): Promise<Body> {
  let ready = 0;
  for (const node of nodesOf(root)) {
    const source = sourceOf(node);
    checkAccess(source, policy);
    if (source.kind === 'file') await checkFile(source.path);
    if (source.kind === 'ready') ready += source.content.length;
    else if (source.kind !== 'other') ready = Infinity;
  }
  const pieced = canBePieced(root);
  const quotedPrintable = await quotedPrintableStream();
  if (ready > SMALL) return { message: pieced ? streamOfPieces(root, quotedPrintable) : streamByNodemailer(root) };
  const message = pieced ? gathered(piecesOf(root, quotedPrintable)) : new LineEnds().repair(await root.build());
  return { message, size: message.length };
}

function gathered(pieces: ReturnType<typeof piecesOf>): Buffer {
  const copies: Buffer[] = [];
  for (const piece of pieces) if (piece instanceof Uint8Array) copies.push(Buffer.from(piece));
  return Buffer.concat(copies);
}

/**
 * Checks that content may be read from there.
 * @throws TypeError `ERR_INPUT_MESSAGE`.
 */
export function checkAccess({ kind }: Source, { allowFiles, allowUrls }: ContentPolicy): void {
  if (kind === 'url' && !allowUrls) {
    throw new InputError('ERR_INPUT_MESSAGE', 'content from a URL is not allowed here (allowUrls, disableUrlAccess)');
  }
  if (kind === 'file' && !allowFiles) {
    throw new InputError(
      'ERR_INPUT_MESSAGE',
      'content from a file is not allowed here (allowFiles, disableFileAccess)',
    );
  }
}

/**
 * Checks that a file can be read.
 * @throws TypeError `ERR_INPUT_MESSAGE`.
 */
export async function checkFile(path: string): Promise<void> {
  try {
    await access(path, constants.R_OK);
  } catch (cause) {
    const error = new InputError('ERR_INPUT_MESSAGE', `a file to be sent cannot be read: ${path}`);
    throw Object.assign(error, { cause });
  }
}
