// Requests that another site makes a browser send (CSRF), told apart the way Go's CrossOriginProtection does.
import type { FastifyRequest } from 'fastify';

/**
 * Whether another site made the browser send this. By `Sec-Fetch-Site`, which browsers send since 2023 and scripts cannot set;
 * without it by `Origin`. What has neither comes from no browser, or was typed.
 */
export function isCrossSite({ headers, host }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site'];
  // A sibling host (`same-site`) is another site, too: it may be anybody's.
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  const { origin } = headers;
  if (origin === undefined) return false;
  // Fastify's `host` is that of the outside where `trustProxy` is set, and is there with HTTP/2 as well.
  return !URL.canParse(origin) || new URL(origin).host !== host.toLowerCase();
}
