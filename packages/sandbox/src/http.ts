// What both halves of the web side need of node:http.
import type { IncomingMessage, ServerResponse } from 'node:http';

/** Sends `body` as JSON that no cache keeps and no browser takes for anything else. */
export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response
    .writeHead(status, {
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': bytes.length,
      'Cache-Control': 'no-store, no-cache',
      Pragma: 'no-cache',
      'X-Content-Type-Options': 'nosniff',
    })
    .end(bytes);
}

/** The whole request body, or `undefined` when it is longer than `limit` bytes or the client gave up. */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
    }
  } catch {
    return undefined; // the connection is gone, nobody waits for an answer
  }
  return size > limit ? undefined : Buffer.concat(chunks);
}
