// The inbox over HTTP: JSON, sources, attachments, and events as they happen. README.md lists the routes.
import type { ServerResponse } from 'node:http';
import type { TokenRequestRecord } from '../entra/token-endpoint.ts';
import type { SmtpSession } from '../exchange/conversation.ts';
import { notFound, type Route } from '../api.ts';
import { sendJson } from '../http.ts';
import type { Inbox } from './inbox.ts';
import type { InboxMessage } from './message.ts';
import { RENDERED_POLICY, renderedHtml } from './rendered.ts';
import { detailOf, sessionOf, summaryOf } from './views.ts';

/** What the API shows. */
export interface ApiSource {
  readonly inbox: Inbox;
  readonly sessions: () => readonly SmtpSession[];
  readonly tokenRequests: () => readonly TokenRequestRecord[];
  /** Calls back at every token request and whenever a session begins or ends; returns how to stop that. */
  readonly onActivity: (listener: () => void) => () => void;
  /** How to reach the sandbox, for the page; no secrets. */
  readonly connection: Readonly<Record<string, unknown>>;
  readonly ca: string;
}

type Handler = Route<ApiSource>[2];

/** A handler for one message, which is known to exist. */
const withMessage =
  (
    handle: (message: InboxMessage, response: ServerResponse, rest: readonly string[]) => void | Promise<void>,
  ): Handler =>
  ({ source, response, parameters: [id = '', ...rest] }) => {
    const message = source.inbox.find(id);
    return message === undefined ? notFound(response) : handle(message, response, rest);
  };

/** What the page asks. */
export const INBOX_ROUTES: readonly Route<ApiSource>[] = [
  ['GET', /^\/api\/messages$/, ({ source, response }) => sendJson(response, 200, source.inbox.messages.map(summaryOf))],
  [
    'DELETE',
    /^\/api\/messages$/,
    ({ source, response }) => {
      source.inbox.clear();
      response.writeHead(204).end();
    },
  ],
  [
    'GET',
    /^\/api\/messages\/(\d+)$/,
    withMessage(async (message, response) => {
      sendJson(response, 200, await detailOf(message));
    }),
  ],
  [
    'DELETE',
    /^\/api\/messages\/(\d+)$/,
    ({ source, response, parameters: [id = ''] }) => {
      if (source.inbox.remove(id)) response.writeHead(204).end();
      else notFound(response);
    },
  ],
  [
    'GET',
    /^\/api\/messages\/(\d+)\/source$/,
    withMessage((message, response) => {
      sendBytes(response, message.raw, 'text/plain; charset=utf-8', `inline; filename="message-${message.id}.eml"`);
    }),
  ],
  [
    'GET',
    /^\/api\/messages\/(\d+)\/html$/,
    withMessage(async (message, response) => {
      const html = renderedHtml(await message.parse());
      if (html === undefined) return notFound(response);
      // Links open outside the frame. Ahead of a doctype, <base> would switch the browser to quirks mode.
      const base = '<base target="_blank">';
      const shown = /<head[^>]*>/i.test(html)
        ? html.replace(/<head[^>]*>/i, (head) => `${head}${base}`)
        : `${base}${html}`;
      sendBytes(response, Buffer.from(shown), 'text/html; charset=utf-8', 'inline', RENDERED_POLICY);
    }),
  ],
  [
    'GET',
    /^\/api\/messages\/(\d+)\/attachments\/(\d+)$/,
    withMessage(async (message, response, [index]) => {
      const part = (await message.parse()).attachments[Number(index)];
      if (part === undefined) return notFound(response);
      const name = encodeURIComponent(part.filename || `attachment-${index}`).replaceAll("'", '%27');
      // Never by its own type: nothing that came by mail may run in this origin.
      sendBytes(response, part.content, 'application/octet-stream', `attachment; filename*=UTF-8''${name}`);
    }),
  ],
  ['GET', /^\/api\/sessions$/, ({ source, response }) => sendJson(response, 200, source.sessions().map(sessionOf))],
  [
    'GET',
    /^\/api\/sessions\/(\d+)$/,
    ({ source, response, parameters: [id] }) => {
      const session = source.sessions().find((one) => one.id === Number(id));
      if (session === undefined) return notFound(response);
      sendJson(response, 200, { ...sessionOf(session), conversation: session.entries });
    },
  ],
  ['GET', /^\/api\/token-requests$/, ({ source, response }) => sendJson(response, 200, source.tokenRequests())],
  ['GET', /^\/api\/connection$/, ({ source, response }) => sendJson(response, 200, source.connection)],
  [
    'GET',
    /^\/api\/ca\.pem$/,
    ({ source, response }) => {
      const type = 'application/x-pem-file';
      sendBytes(response, Buffer.from(source.ca), type, 'attachment; filename="mailgrant-sandbox-ca.pem"');
    },
  ],
  ['GET', /^\/api\/events$/, ({ source, response }) => sendEvents(source, response)],
];

function sendBytes(
  response: ServerResponse,
  bytes: Uint8Array,
  type: string,
  disposition: string,
  policy = "sandbox; default-src 'none'",
): void {
  response
    .writeHead(200, {
      'Content-Type': type,
      'Content-Length': bytes.byteLength,
      'Content-Disposition': disposition,
      'Content-Security-Policy': policy,
      'X-Content-Type-Options': 'nosniff',
      'X-DNS-Prefetch-Control': 'off',
      'Referrer-Policy': 'no-referrer',
      'Cross-Origin-Resource-Policy': 'same-origin',
      'Cache-Control': 'no-store',
    })
    .end(bytes);
}

/** Server-sent events: `message` with the summary, `removed`, `activity`. */
function sendEvents({ inbox, onActivity }: ApiSource, response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  const send = (type: string, data: unknown = {}): void => {
    response.write(`event: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
  };
  response.write('retry: 1000\n\n');
  const stop = [
    inbox.subscribe((event) => {
      if (event.type === 'message') send('message', summaryOf(event.message));
      else send('removed');
    }),
    onActivity(() => send('activity')),
  ];
  response.on('close', () => {
    for (const unsubscribe of stop) unsubscribe();
  });
}
