// A compiled message as a body for core: ready bytes where it is small, else a stream that opens nothing until it is read.
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { InputError } from '@mailgrant/core';
import { createLineEndRepair } from './line-ends.ts';
import { type MimeNode, nodesOf, readInSlices, releaseStreams, type Source, sourceOf } from './mime-tree.ts';

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

/**
 * The message as bytes, or as a stream if that could mean much memory or holds something open.
 * @throws TypeError `ERR_INPUT_MESSAGE` for a file or URL that may not or cannot be read: known before anything is sent.
 */
export async function toBody(root: MimeNode, policy: ContentPolicy): Promise<Body> {
  let ready = 0;
  for (const node of nodesOf(root)) {
    const source = sourceOf(node);
    await checkSource(source, policy);
    ready += source.kind === 'ready' ? source.content.length : Infinity;
  }
  if (ready > SMALL) return { message: streamLazily(root) };
  const message = createLineEndRepair()(await root.build());
  return { message, size: message.length };
}

/**
 * Checks that content may be read from there, and a file that it can be.
 * @throws TypeError `ERR_INPUT_MESSAGE`.
 */
export async function checkSource(source: Source, { allowFiles, allowUrls }: ContentPolicy): Promise<void> {
  if (source.kind === 'url' && !allowUrls) {
    throw new InputError('ERR_INPUT_MESSAGE', 'content from a URL is not allowed here (allowUrls, disableUrlAccess)');
  }
  if (source.kind !== 'file') return;
  if (!allowFiles) {
    throw new InputError(
      'ERR_INPUT_MESSAGE',
      'content from a file is not allowed here (allowFiles, disableFileAccess)',
    );
  }
  try {
    await access(source.path, constants.R_OK);
  } catch (cause) {
    const error = new InputError('ERR_INPUT_MESSAGE', `a file to be sent cannot be read: ${source.path}`);
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
