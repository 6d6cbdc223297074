// An OAuth token endpoint over HTTPS that grants everything and counts requests.
import { type Server, createServer } from 'node:https';
import type { Certificate } from '../certificate.ts';
import { listen } from './listen.ts';

export interface TokenEndpoint {
  readonly port: number;
  readonly server: Server;
  requests: number;
}

/** About as long as a token of Entra ID. */
const TOKEN = `eyJ0eXAiOiJKV1QifQ.${'bWFpbGdyYW50'.repeat(120)}.c2lnbmF0dXJl`;

export async function startTokenEndpoint(certificate: Certificate): Promise<TokenEndpoint> {
  const server = createServer({ cert: certificate.certificate, key: certificate.key }, (request, response) => {
    endpoint.requests += 1;
    request.resume().on('end', () => {
      response.setHeader('content-type', 'application/json; charset=utf-8');
      // No two alike: a cache that hands out an old one would show.
      const access_token = `${TOKEN}${endpoint.requests}`;
      response.end(JSON.stringify({ token_type: 'Bearer', expires_in: 3599, ext_expires_in: 3599, access_token }));
    });
  });
  const endpoint: TokenEndpoint = { port: 0, server, requests: 0 };
  return Object.assign(endpoint, { port: await listen(server) });
}
