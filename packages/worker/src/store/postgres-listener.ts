// LISTEN on a connection of its own, opened again when it breaks.
import { setTimeout as wait } from 'node:timers/promises';
import type { Client } from 'pg';

const LONGEST_PAUSE = 30_000; // milliseconds

/**
 * Calls back for each notification until it is stopped. The first connection has to succeed; later ones are tried until
 * they do, in longer and longer pauses.
 *
 * @returns ends it
 */
export async function listenOnPostgres(
  open: () => Client,
  channel: string,
  onNotify: (payload: string) => void,
  onProblem: (error: unknown) => void,
): Promise<() => Promise<void>> {
  const stopping = new AbortController();
  let client: Client | undefined;

  async function connect(): Promise<void> {
    const next = open();
    let lost = false;
    const lose = (error: unknown): void => {
      if (lost || client !== next) return;
      lost = true;
      client = undefined;
      if (stopping.signal.aborted) return;
      onProblem(error);
      void next.end().catch(() => {}); // it is broken already
      void reconnect();
    };
    next.on('error', lose);
    next.on('end', () => lose(new Error('the connection that listens was closed by the server')));
    next.on('notification', ({ payload = '' }) => onNotify(payload));
    try {
      await next.connect();
      await next.query(`listen ${next.escapeIdentifier(channel)}`);
    } catch (error) {
      void next.end().catch(() => {}); // it never worked
      throw error;
    }
    client = next;
    if (stopping.signal.aborted) await next.end();
  }

  async function reconnect(): Promise<void> {
    for (let pause = 250; !stopping.signal.aborted; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
      try {
        await wait(pause, undefined, { signal: stopping.signal, ref: false });
        await connect();
        onNotify(''); // what came in between is gone: look for yourself
        return;
      } catch (error) {
        if (!stopping.signal.aborted) onProblem(error);
      }
    }
  }

  await connect();
  return async () => {
    stopping.abort();
    await client?.end();
  };
}
