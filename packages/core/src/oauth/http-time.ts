// The moments in HTTP headers. Pure.

/** What a server says about time, in milliseconds. */
export interface HttpTime {
  /** How far its clock is ahead of ours, give or take a second. */
  readonly clockSkew: number | undefined;
  /** How long it asks us to wait. */
  readonly retryAfter: number | undefined;
}

/**
 * Reads `Date` and `Retry-After`, the latter as seconds or as a date by the server's own clock (RFC 9110 sections 6.6.1 and
 * 10.2.3). `requestedAt` and `receivedAt` are epoch milliseconds by our clock.
 */
export function httpTime(headers: Headers, requestedAt: number, receivedAt: number): HttpTime {
  const date = parseHttpDate(headers.get('date'));
  return {
    // A Date has no fractions of a second and was written somewhere between the two moments.
    clockSkew: date === undefined ? undefined : date + 500 - Math.round((requestedAt + receivedAt) / 2),
    retryAfter: parseRetryAfter(headers.get('retry-after'), date ?? receivedAt),
  };
}

function parseRetryAfter(text: string | null, now: number): number | undefined {
  if (text !== null && /^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const until = parseHttpDate(text);
  return until === undefined ? undefined : Math.max(0, until - now);
}

/** Epoch milliseconds of an HTTP date in any of its three forms (RFC 9110 section 5.6.7), `undefined` for anything else. */
function parseHttpDate(text: string | null): number | undefined {
  if (text === null || !/^[A-Z][a-z]{2,8},? [\w: -]{10,30}$/.test(text)) return undefined;
  // The oldest form names no zone and means GMT.
  const time = Date.parse(text.endsWith(' GMT') ? text : `${text} GMT`);
  return Number.isNaN(time) ? undefined : time;
}
