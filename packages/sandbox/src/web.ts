// The one HTTP server: Entra's endpoints, the inbox's API and page.
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { TLSSocket } from 'node:tls';
import { ADMIN_ROUTES } from './admin/api.ts';
import type { AdminSource } from './admin/command.ts';
import { handleApi } from './api.ts';
import { type Clock, CLOCK_ROUTES } from './clock.ts';
import type { Entra } from './entra/entra.ts';
import { FAULT_ROUTES, type FaultSource } from './faults/api.ts';
import { sendJson } from './http.ts';
import { type ApiSource, INBOX_ROUTES } from './inbox/api.ts';
import { handlePage } from './page/page.ts';

export interface WebParts {
  readonly entra: Entra;
  readonly api: ApiSource & FaultSource & { readonly admin: AdminSource; readonly clock: Clock };
}

const ROUTES = [...INBOX_ROUTES, ...FAULT_ROUTES, ...ADMIN_ROUTES, ...CLOCK_ROUTES];

const LOOPBACK = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/i;

export function createWeb(parts: WebParts): RequestListener {
  return (request, response) => {
    response.on('error', () => {}); // the client is gone
    void route(parts, request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else sendJson(response, 500, { error: 'sandbox_failed', message: String(error) });
    });
  };
}

async function route(parts: WebParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const host = request.headers.host ?? '';
  // A page elsewhere may point its own name at 127.0.0.1; it must not read this inbox.
  if (!LOOPBACK.test(host)) return sendJson(response, 421, { error: 'misdirected_request' });
  const url = new URL(request.url ?? '/', `${request.socket instanceof TLSSocket ? 'https' : 'http'}://${host}`);
  if (await handlePage(request, response, url)) return;
  if (await handleApi(ROUTES, parts.api, request, response, url)) return;
  if (await parts.entra.handle(request, response, url)) return;
  sendJson(response, 404, { error: 'not_found' });
}
