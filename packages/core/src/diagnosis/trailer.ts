// What Exchange puts into brackets at the end of a reply: where and when it was made, for Microsoft support.

/** The origin of a reply. */
export interface Trailer {
  /** The host name of the server that answered. */
  readonly server: string;
  /** As written: ISO 8601, UTC. */
  readonly time: string | undefined;
  /** What Microsoft support finds the session by. */
  readonly sessionId: string | undefined;
}

const BRACKETS =
  /\[(Hostname=)?([A-Za-z0-9][A-Za-z0-9.-]{0,252})(?: (\d{4}-\d\d-\d\dT[\d:.]{8,18}Z) ([0-9A-Fa-f]{8,32}))?\]/g;

/**
 * Reads `[HOST.prod.outlook.com 2023-09-12T20:59:57.214Z 08DBB276B7E699C4]`, `[Hostname=HOST]`, and a bare `[HOST]` at
 * the very end of a reply's text. `undefined` if there is none.
 */
export function parseTrailer(text: string): Trailer | undefined {
  return trailersIn(text).at(-1)?.trailer;
}

/** The text without such brackets. */
export function withoutTrailer(text: string): string {
  return trailersIn(text)
    .reduceRight((rest, { start, end }) => rest.slice(0, start).trimEnd() + rest.slice(end), text)
    .trim();
}

function trailersIn(text: string): readonly { start: number; end: number; trailer: Trailer }[] {
  const last = text.trimEnd().length;
  return [...text.matchAll(BRACKETS)].flatMap((match) => {
    const [whole, named, server = '', time, sessionId] = match;
    const end = match.index + whole.length;
    // Other brackets hold addresses: a client's IP, for one.
    const isHost = /\.[A-Za-z]{2,63}$/.test(server) && (time !== undefined || end === last);
    return named !== undefined || isHost ? [{ start: match.index, end, trailer: { server, time, sessionId } }] : [];
  });
}
