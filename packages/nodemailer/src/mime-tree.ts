// nodemailer's compiled message: a tree of MIME nodes, each with ready content or a source to read it from.
import type { Readable } from 'node:stream';

/** What is used of nodemailer's `MimeNode`: the same in its majors 6 to 10. */
export interface MimeNode {
  readonly content?: unknown;
  readonly childNodes: readonly MimeNode[];
  getHeader(name: string): unknown;
  getEnvelope(): { readonly from: string | false; readonly to: readonly string[] };
  messageId(): unknown;
  /** How the content is to be encoded; chosen by its type, and by the content itself where that is at hand. */
  getTransferEncoding(): unknown;
  /** The header without the empty line behind it. Sets `multipart` and `boundary`. */
  buildHeaders(): string;
  setContent(content: Readable): unknown;
  setRaw(content: Readable): unknown;
  build(): Promise<Buffer>;
  createReadStream(): Readable;

  // Missing from nodemailer's types, present in all those majors.

  /** A finished part handed over by the caller. */
  readonly _raw?: unknown;
  readonly contentType?: string | undefined;
  readonly multipart?: unknown;
  readonly boundary?: unknown;
  /** What turns the finished message into another: line ends as the mail wants them, streams of plugins, DKIM. */
  readonly newline?: unknown;
  readonly _transforms?: readonly unknown[];
  readonly _processFuncs?: readonly unknown[];
}

/** What the content of a node is before it is read. */
export type Source =
  | { readonly kind: 'ready'; readonly content: string | Uint8Array }
  | { readonly kind: 'stream'; readonly stream: object }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'url' }
  /** Nothing nodemailer could read either; what it makes of it is its own. */
  | { readonly kind: 'other' };

/** The node and all below it. */
export function* nodesOf(node: MimeNode): Generator<MimeNode, void> {
  yield node;
  for (const child of node.childNodes) yield* nodesOf(child);
}

/** Where nodemailer takes the content of this node from. */
export function sourceOf(node: MimeNode): Source {
  return sourceOfContent(node._raw || node.content);
}

/** Where nodemailer takes content from; it looks in the same order. */
export function sourceOfContent(content: unknown): Source {
  if (!content) return { kind: 'ready', content: '' };
  if (typeof content === 'string' || content instanceof Uint8Array) return { kind: 'ready', content };
  if (typeof content === 'object' && !(content instanceof Error)) {
    if ('pipe' in content && typeof content.pipe === 'function') return { kind: 'stream', stream: content };
    if ('href' in content && typeof content.href === 'string') return sourceAt(content.href, 'url');
    if ('path' in content && typeof content.path === 'string') return sourceAt(content.path, 'file');
  }
  return { kind: 'other' };
}

function sourceAt(place: string, kind: 'file' | 'url'): Source {
  if (/^data:/i.test(place)) return { kind: 'other' };
  return kind === 'url' || /^https?:\/\//i.test(place) ? { kind: 'url' } : { kind, path: place };
}

/** Ends the streams a message would have been read from. */
export function releaseStreams(root: MimeNode): void {
  for (const node of nodesOf(root)) {
    const source = sourceOf(node);
    if (source.kind !== 'stream') continue;
    const { stream } = source;
    if ('destroy' in stream && typeof stream.destroy === 'function') stream.destroy();
  }
}
