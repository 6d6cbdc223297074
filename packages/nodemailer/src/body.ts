// A compiled message as a body for core: ready bytes where it is small, else a stream that opens nothing until it is read.
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { InputError } from '@mailgrant/core';
import { createLineEndRepair } from './line-ends.ts';
import { type MimeNode, nodesOf, releaseStreams, readInSlices, sourceOf } from './mime-tree.ts';

/** What a message may be read from besides the mail itself. */
export interface ContentPolicy {
  readonly allowFiles: boolean;
  readonly allowUrls: boolean;
}

/** Up to this much ready content a message is composed at once; more is composed while it is sent. */
const SMALL = 256 * 1024;

/** A body for core, with its size where that is known. */
export type Body = { readonly message: Buffer; readonly size: number } | { readonly message: Readable };

/**
 * The message as bytes, or as a stream if that could mean much memory or holds something open.
 * @throws TypeError `ERR_INPUT_MESSAGE` for a file or URL that may not or cannot be read: known before anything is sent.
 */
export async function toBody(root: MimeNode, policy: ContentPolicy): Promise<Body> {
  let ready = 0;
  for (const node of nodesOf(root)) {
    const source = sourceOf(node);
    ready += source.kind === 'ready' ? source.content.length : Infinity;
    if (source.kind === 'file') await checkFile(source.path, policy);
    if (source.kind === 'url') checkUrl(policy);
  }
  if (ready > SMALL) return { message: streamLazily(root) };
  const message = createLineEndRepair()(await root.build());
  return { message, size: message.length };
}

function checkUrl({ allowUrls }: ContentPolicy): void {
  if (!allowUrls) throw new InputError('ERR_INPUT_MESSAGE', 'content from a URL is refused unless allowUrls is set');
}

async function checkFile(path: string, { allowFiles }: ContentPolicy): Promise<void> {
  if (!allowFiles) throw new InputError('ERR_INPUT_MESSAGE', 'content from a file is refused unless allowFiles is set');
  try {
    await access(path, constants.R_OK);
  } catch (cause) {
    const error = new InputError('ERR_INPUT_MESSAGE', `a file to be sent cannot be read: ${path}`);
    throw Object.assign(error, { cause });
  }
}

function streamLazily(root: MimeNode): Readable {
  let source: Readable | undefined;
  const repair = createLineEndRepair();
  const stream = new Readable({
    read() {
      // Each piece in a turn of its own: composing takes long enough to keep others waiting, and the memory of the pieces
      // before is not freed within one turn (measured for 20 MB: 45 MB more instead of 8).
      setImmediate(() => {
        if (stream.destroyed) return;
        source ??= open();
        source.resume();
      });
    },
    destroy(error, done) {
      source?.destroy();
      releaseStreams(root);
      done(error);
    },
  });
  function open(): Readable {
    readInSlices(root);
    const composing = root.createReadStream();
    composing.on('data', (piece: Buffer) => {
      if (!stream.push(repair(piece))) composing.pause();
    });
    composing.once('end', () => stream.push(null));
    composing.once('error', (error) => stream.destroy(error));
    return composing;
  }
  return stream;
}
