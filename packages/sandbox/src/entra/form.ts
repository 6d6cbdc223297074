// A token request as it comes over HTTP.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { readBody } from '../http.ts';

/** A token request as it came: path, form fields, and the credentials of a Basic header merged in. */
export interface TokenForm {
  readonly tenant: string;
  /** The URL it was sent to, which a client assertion may have for its audience. */
  readonly endpoint: string;
  readonly fields: ReadonlyMap<string, string>;
}

/** The form, or `undefined` when a field is given twice or the body cannot be read. */
export async function readForm(request: IncomingMessage, url: URL, tenant: string): Promise<TokenForm | undefined> {
  const body = await readBody(request, 65_536);
  if (body === undefined) return undefined;
  const fields = new Map<string, string>();
  if (/^application\/x-www-form-urlencoded\b/i.test(request.headers['content-type'] ?? '')) {
    for (const [name, value] of new URLSearchParams(body.toString('utf8'))) {
      if (fields.has(name)) return undefined;
      fields.set(name, value);
    }
  }
  const basic = /^Basic +([0-9A-Za-z+/=]+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (basic !== undefined) {
    // RFC 6749 section 2.3.1: both halves are form-encoded before they are joined
    const [id = '', secret = ''] = Buffer.from(basic, 'base64').toString('utf8').split(':').map(formDecode);
    if (!fields.has('client_id')) fields.set('client_id', id);
    if (!fields.has('client_secret')) fields.set('client_secret', secret);
  }
  return { tenant, endpoint: `${url.origin}${url.pathname}`, fields };
}

const formDecode = (text: string): string => new URLSearchParams(`x=${text}`).get('x') ?? '';

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** The id the client gave the request, or a new one. */
export const correlationIdOf = (request: IncomingMessage): string => {
  const sent = request.headers['client-request-id'];
  return typeof sent === 'string' && GUID.test(sent) ? sent : randomUUID();
};
