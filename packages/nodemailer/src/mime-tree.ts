// nodemailer's compiled message: a tree of MIME nodes, each with ready content or a source to read it from.
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';

/** What is used of nodemailer's `MimeNode`: the same in its majors 6 to 10. */
export interface MimeNode {
  readonly content?: unknown;
  /** A finished part handed over by the caller. Missing from nodemailer's types, present in all those majors. */
  readonly _raw?: unknown;
  readonly childNodes: readonly MimeNode[];
  getHeader(name: string): unknown;
  getEnvelope(): { readonly from: string | false; readonly to: readonly string[] };
  messageId(): unknown;
  setContent(content: Readable): unknown;
  setRaw(content: Readable): unknown;
  build(): Promise<Buffer>;
  createReadStream(): Readable;
}

/** What the content of a node is before it is read. */
export type Source =
  | { readonly kind: 'ready'; readonly content: string | Uint8Array }
  | { readonly kind: 'stream'; readonly stream: object }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'url' };

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
  if (typeof content === 'string' || content instanceof Uint8Array) return { kind: 'ready', content };
  if (typeof content === 'object' && content !== null) {
    if ('pipe' in content && typeof content.pipe === 'function') return { kind: 'stream', stream: content };
    if ('href' in content && typeof content.href === 'string') return sourceAt(content.href, 'url');
    if ('path' in content && typeof content.path === 'string') return sourceAt(content.path, 'file');
  }
  return { kind: 'ready', content: '' }; // nothing nodemailer could read either
}

function sourceAt(place: string, kind: 'file' | 'url'): Source {
  if (/^data:/i.test(place)) return { kind: 'ready', content: place };
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

const SLICE = 64 * 1024;

/**
 * Lets nodemailer read large attachments and files in slices. Large content handed over whole would be in memory several
 * times while it is encoded, and before nodemailer 10 a file stayed open when the message was not read to its end.
 */
export function readInSlices(root: MimeNode): void {
  for (const node of nodesOf(root)) {
    const source = sourceOf(node);
    if (source.kind === 'file') {
      const content = Readable.from(piecesOfFile(source.path), { objectMode: false });
      if (node._raw) node.setRaw(content);
      else node.setContent(content);
    } else if (source.kind === 'ready' && !node._raw && mayBeSliced(node, source.content)) {
      node.setContent(Readable.from(slicesOf(source.content), { objectMode: false }));
    }
  }
}

/** Not where nodemailer looks into the content for its headers: to choose an encoding, or the charset of plain text. */
function mayBeSliced(node: MimeNode, content: string | Uint8Array): boolean {
  if (content.length <= SLICE || !/^base64$/i.test(String(node.getHeader('Content-Transfer-Encoding')))) return false;
  return typeof content !== 'string' || !/^text\/plain\b/i.test(String(node.getHeader('Content-Type')));
}

function* slicesOf(content: string | Uint8Array): Generator<Uint8Array, void> {
  for (let at = 0, end = 0; at < content.length; at = end) {
    end = at + SLICE;
    if (typeof content !== 'string') {
      yield content.subarray(at, end);
    } else {
      if (/[\ud800-\udbff]/.test(content.charAt(end - 1))) end += 1; // both halves of a character in one slice
      yield Buffer.from(content.slice(at, end));
    }
  }
}

/** Opens the file when the first piece is asked for, closes it when no more are. */
async function* piecesOfFile(path: string): AsyncGenerator<Uint8Array, void> {
  yield* createReadStream(path);
}
