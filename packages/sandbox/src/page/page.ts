// The inbox page: a handful of static files, served with a policy that lets nothing else in.
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';

// Out of src/, which the package carries: these files need no build, and the way there is the same from dist/.
const FILES: ReadonlyMap<string, readonly [type: string, file: URL]> = new Map([
  ['/', ['text/html', new URL('../../src/page/index.html', import.meta.url)]],
  ['/inbox.css', ['text/css', new URL('../../src/page/inbox.css', import.meta.url)]],
  ['/inbox.js', ['text/javascript', new URL('../../src/page/inbox.js', import.meta.url)]],
  ['/dom.js', ['text/javascript', new URL('../../src/page/dom.js', import.meta.url)]],
  ['/message.js', ['text/javascript', new URL('../../src/page/message.js', import.meta.url)]],
  ['/conversation.js', ['text/javascript', new URL('../../src/page/conversation.js', import.meta.url)]],
  ['/connect.js', ['text/javascript', new URL('../../src/page/connect.js', import.meta.url)]],
  ['/clip.svg', ['image/svg+xml', new URL('../../src/page/clip.svg', import.meta.url)]],
  ['/icon.svg', ['image/svg+xml', new URL('../../src/page/icon.svg', import.meta.url)]],
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
