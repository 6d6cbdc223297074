// A compiled message in the pieces it is sent in: the bytes of nodemailer's own stream, without the streams and turns of the
// event loop that one takes for every part.
import { type Encoder, encoderFor, type QuotedPrintable } from './encoders.ts';
import { LineEnds } from './line-ends.ts';
import { type MimeNode, nodesOf, type Source, sourceOf } from './mime-tree.ts';
import { SLICE, slicesOf } from './slices.ts';
import type { Unread } from './sources.ts';

/** Content to be read, and given to `encode` chunk by chunk, before the next piece is asked for; what that makes is a piece. */
export interface ToRead extends Pick<Encoder, 'encode'> {
  readonly source: Unread;
}

/** Whether `piecesOf()` can make this message. What DKIM, plugins and URLs take, only nodemailer's own stream does. */
export function canBePieced(root: MimeNode): boolean {
  if (root.newline || root._transforms?.length !== 0 || root._processFuncs?.length !== 0) return false;
  for (const node of nodesOf(root)) {
    const source = sourceOf(node);
    if (source.kind === 'url' || source.kind === 'other') return false;
    // An invitation is in two places, and a stream of it can be read for one.
    if (source.kind === 'stream' && '_resolve' in source.stream) return false;
  }
  return true;
}

/** The pieces in their order, every line ending with CRLF, each good until the next; some may be empty. */
export function* piecesOf(root: MimeNode, QuotedPrintableStream: QuotedPrintable): Generator<Buffer | ToRead, void> {
  const lineEnds = new LineEnds();
  let text = '';
  for (const part of partsOf(root)) {
    if (typeof part === 'string') {
      text += part;
      continue;
    }
    yield lineEnds.repair(Buffer.from(text));
    const { source, encoding, binary } = part;
    const encoder = encoderFor(encoding, binary, lineEnds, QuotedPrintableStream);
    if (source.kind !== 'ready') yield { source, encode: (chunk) => encoder.encode(chunk) };
    else for (const slice of slicesOf(source.content)) yield encoder.encode(slice);
    text = encoder.end();
  }
  yield lineEnds.repair(Buffer.from(text));
  yield Buffer.from(lineEnds.end());
}

interface Content {
  readonly source: Unread | Extract<Source, { readonly kind: 'ready' }>;
  readonly encoding: unknown;
  readonly binary: boolean;
}

/** Header and delimiters as text, content to be encoded (RFC 2046 section 5.1.1). */
function* partsOf(node: MimeNode): Generator<string | Content, void> {
  if (node._raw) {
    yield contentOf(node, 'as it is');
    return;
  }
  const encoding = node.getTransferEncoding();
  yield `${node.buildHeaders()}\r\n\r\n`;
  if (node.content) yield contentOf(node, encoding);
  if (!node.multipart) return;
  let lineEnd = '';
  for (const child of node.childNodes) {
    yield `${lineEnd}--${String(node.boundary)}\r\n`;
    yield* partsOf(child);
    lineEnd = '\r\n';
  }
  yield `\r\n--${String(node.boundary)}--\r\n`;
}

function contentOf(node: MimeNode, encoding: unknown): string | Content {
  const source = sourceOf(node);
  const encoded = encoding === 'base64' || encoding === 'quoted-printable';
  if (source.kind === 'ready' && typeof source.content === 'string' && source.content.length <= SLICE && !encoded) {
    return source.content;
  }
  if (source.kind === 'url' || source.kind === 'other') {
    const content = node._raw || node.content;
    // Before version 10 nodemailer puts the error of a stream that failed early in its place.
    throw content instanceof Error ? content : new Error('a part of the mail has been exchanged since it was checked');
  }
  return { source, encoding, binary: !/^text\//i.test(node.contentType ?? '') };
}
