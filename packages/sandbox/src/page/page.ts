// The inbox page: a handful of static files, served with a policy that lets nothing else in.
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** The files are served from src/, which the package carries: they need no build. */
const file = (name: string): URL => new URL(`../../src/page/${name}`, import.meta.url);

const FILES: ReadonlyMap<string, readonly [type: string, url: URL]> = new Map([
  ['/', ['text/html', file('index.html')]],
  ['/inbox.css', ['text/css', file('inbox.css')]],
  ['/inbox.js', ['text/javascript', file('inbox.js')]],
  ['/dom.js', ['text/javascript', file('dom.js')]],
  ['/message.js', ['text/javascript', file('message.js')]],
  ['/conversation.js', ['text/javascript', file('conversation.js')]],
  ['/connect.js', ['text/javascript', file('connect.js')]],
  ['/clip.svg', ['image/svg+xml', file('clip.svg')]],
  ['/icon.svg', ['image/svg+xml', file('icon.svg')]],
]);

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "frame-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Answers a request for the page or a file of it; `false` when it is for somebody else. */
export async function handlePage(request: IncomingMessage, response: ServerResponse, url: URL): Promise<boolean> {
  const found = FILES.get(url.pathname);
  if (found === undefined || request.method !== 'GET') return false;
  const [type, location] = found;
  const bytes = await readFile(location);
  response
    .writeHead(200, {
      'Content-Type': `${type}; charset=utf-8`,
      'Content-Length': bytes.length,
      'Content-Security-Policy': POLICY,
      'Cache-Control': 'no-cache',
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Resource-Policy': 'same-origin',
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
    })
    .end(bytes);
  return true;
}
