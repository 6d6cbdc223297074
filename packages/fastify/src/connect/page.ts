// The page a step of connecting ends with: no script, nothing loaded, nothing of the request in it.
import { createHash } from 'node:crypto';
import { html } from '@mailgrant/mail';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Outcome } from './outcome.ts';

const STYLE = `:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:30rem;margin:15vh auto;padding:0 1rem}h1{font-size:1.4rem}small{opacity:.7}`;
// As one piece: white space that a template gains would make another hash of it.
const STYLE_ELEMENT = html.raw(`<style>${STYLE}</style>`);
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

const HEADERS = {
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer', // the address of a callback holds its code
  'x-content-type-options': 'nosniff',
};
const POLICY = `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** Whether a program asks. Browsers that follow a link ask for HTML. */
function wantsJson({ headers }: FastifyRequest): boolean {
  const { accept = '' } = headers;
  return accept.includes('application/json') && !accept.includes('text/html');
}

/** Sends the browser on; programs get `value`. */
export function sendOn(request: FastifyRequest, reply: FastifyReply, url: string, value: object): void {
  reply.headers(HEADERS);
  if (wantsJson(request)) reply.send(value);
  else reply.redirect(url, 303);
}

/** @param name of the mailbox, for the link that begins again */
export function sendOutcome(request: FastifyRequest, reply: FastifyReply, outcome: Outcome, name: string): void {
  const { status, code, title, text, again } = outcome;
  reply.headers(HEADERS).code(status);
  if (wantsJson(request)) {
    reply.send(status < 400 ? { code, message: title } : { statusCode: status, code, message: `${title}. ${text}` });
    return;
  }
  // Relative, so that a prefix that a proxy takes away does no harm.
  const link = again && html`<p><a href="begin?name=${encodeURIComponent(name)}">Begin again</a></p>`;
  const page = html`<!doctype html>
    <html lang="en">
      <meta charset="utf-8" /><meta name="viewport" content="width=device-width" /><title>${title}</title
      >${STYLE_ELEMENT}
      <h1>${title}</h1>
      <p>${text}</p>
      ${link}
      <p><small>${code}</small></p>
    </html>`;
  reply.header('content-security-policy', POLICY).type('text/html; charset=utf-8').send(page.content);
}
