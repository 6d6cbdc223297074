// What the tests against hostile servers share: a mailer whose secrets are marked, a clock that is turned by hand, and one
// attempt with everything that could be seen of it.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { expect, vi } from 'vitest';
import {
  DEFAULT_TIMEOUTS,
  type ErrorCode,
  type Mailer,
  type MailerOptions,
  MailError,
  type OutgoingMail,
  PROVIDERS,
  type Receipt,
  type SendOptions,
  type Stage,
  type TranscriptEvent,
  createMailer,
} from '../src/index.ts';
import '../src/diagnosis/index.ts'; // loaded at the first error otherwise, while the clock turns
import { createAuthority } from './certificates.ts';
import { type LeakFinder, leakFinder, printed } from './leaks.ts';
import { type Conversation, ScriptedServer } from './scripted-server.ts';

export { printed };

/** As long as a short token of Microsoft's, and unlike anything else on the wire. */
export const TOKEN: string = `eyJ0eXAi.${'Kq7wZ2xRf9LmT4vB8nYc3HsD6gPj1QeU0aXo5'.repeat(4)}.signature-Wk3`;
export const USER = 'noreply@contoso.com';
export const authority: ReturnType<typeof createAuthority> = createAuthority();

/** The part of the token that can be read in a text, in clear or encoded. */
export const tokenIn: LeakFinder = leakFinder(
  [TOKEN, `user=${USER}\x01auth=Bearer ${TOKEN}\x01\x01`],
  ['', 'x', 'xx'].map((before) => `${before}user=${USER}\x01auth=Bearer ${TOKEN.slice(0, 3)}`),
);

/** Our own clock from here on; what the server does takes no time on it. */
export function turnClockByHand(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
}

export const startServer = (tls: 'starttls' | 'implicit' | 'none' = 'starttls'): Promise<ScriptedServer> =>
  ScriptedServer.start({ certificate: authority.issue(), tls });

export function mailerTo(server: ScriptedServer, options: Partial<MailerOptions> = {}): Mailer {
  return createMailer({
    provider: { ...PROVIDERS.microsoft365, limits: { connections: 1 } },
    host: '127.0.0.1',
    port: server.port,
    ca: authority.ca,
    user: USER,
    token: async () => ({ value: TOKEN, expiresAt: Date.now() + 3_600_000 }),
    retries: 0,
    ...(server.inClear && { tls: 'none' }),
    ...options,
  });
}

export const MAIL: OutgoingMail = {
  envelope: { from: USER, to: ['someone@example.com'] },
  message: 'Subject: hi\r\n\r\nhello\r\n',
};

export interface Attempt {
  readonly parts?: Partial<Conversation> | ((connection: number) => Partial<Conversation>);
  readonly mailer?: Partial<MailerOptions>;
  readonly mail?: OutgoingMail;
  readonly send?: SendOptions;
  /** Log in only. */
  readonly verify?: boolean;
  /** Whether the clock is to be turned now, asked when we have heard all the server said. Default: it has stalled. */
  readonly idle?: () => boolean;
  /** Called once, instead of turning the clock. */
  readonly onStall?: () => void;
}

export interface Outcome {
  readonly receipt: Receipt | undefined;
  readonly error: unknown;
  /** Milliseconds on our clock: what the client waited for a server that had stalled. */
  readonly waited: number;
  /** `C: …`, `S: …`, `N: …`. */
  readonly transcript: readonly string[];
}

const STEP = 1_000;

/** Sends one message; turns the clock while the server has stalled; sees to it that nothing is left open or leaks. */
export async function attempt(
  server: ScriptedServer,
  { parts = {}, mailer: options, mail = MAIL, send, verify = false, idle, onStall }: Attempt = {},
): Promise<Outcome> {
  server.script(parts);
  const transcript: string[] = [];
  let heard = 0;
  const listen = (message: unknown): void => {
    const { from, line } = message as TranscriptEvent;
    if (from === 'server') heard += 1;
    transcript.push(`${from.charAt(0).toUpperCase()}: ${line}`);
  };
  subscribe('mailgrant:smtp:transcript', listen);
  const heardAll = (): boolean => heard >= server.peers.reduce((sum, { linesSaid }) => sum + linesSaid, 0);
  const stalled = (): boolean => {
    const peer = server.peers.at(-1);
    return peer?.stalled === true && !peer.gone;
  };
  const mailer = mailerTo(server, options);
  let outcome: { receipt?: Receipt; error?: unknown } | undefined;
  let waited = 0;
  let acted = false;
  const result = verify
    ? mailer.verify(send).then(() => ({}))
    : mailer.send(mail, send).then((receipt) => ({ receipt }));
  result.then(
    (success) => (outcome = success),
    (error: unknown) => (outcome = { error }),
  );
  try {
    for (let turns = 0; outcome === undefined; turns += 1) {
      await nextTurn();
      if (turns > 200_000) throw new Error('the send does not end');
      if (acted || !(idle ?? stalled)() || !heardAll()) continue;
      if (onStall !== undefined) {
        acted = true;
        onStall();
        continue;
      }
      if (waited > 2 * DEFAULT_TIMEOUTS.message) throw new Error('no time-out ends the send');
      await vi.advanceTimersByTimeAsync(STEP);
      waited += STEP;
    }
    await mailer.close({ deadline: 1 });
    for (const peer of server.peers) peer.resume();
    for (let turns = 0; ; turns += 1) {
      const open = await Promise.race([server.released().then(() => false), nextTurn(true)]);
      if (!open) break;
      if (turns > 5_000) throw new Error('a connection is left open');
    }
  } finally {
    unsubscribe('mailgrant:smtp:transcript', listen);
  }
  const { receipt, error } = outcome;
  if (!server.inClear)
    expect(tokenIn(server.peers.map((peer) => Buffer.concat(peer.clear).toString('latin1')).join())).toBeUndefined();
  expect(tokenIn(transcript.join('\n'))).toBeUndefined();
  expect(tokenIn(printed({ receipt, error, mailer }))).toBeUndefined();
  return { receipt, error, waited, transcript };
}

export const codeOf = ({ error }: Outcome): unknown => (error as { code?: unknown } | undefined)?.code;

export interface Failure {
  readonly code: ErrorCode;
  readonly stage: Stage;
  readonly mayHaveBeenSent?: boolean;
  /** The limit that ended it, in milliseconds; nothing: no limit had to. */
  readonly after?: number;
}

export function expectFailure(outcome: Outcome, { code, stage, mayHaveBeenSent = false, after = 0 }: Failure): void {
  expect(outcome.receipt).toBeUndefined();
  expect(outcome.error).toBeInstanceOf(MailError);
  expect(outcome.error).toMatchObject({ code, stage, mayHaveBeenSent });
  expect(outcome.waited).toBeGreaterThanOrEqual(after);
  expect(outcome.waited).toBeLessThanOrEqual(after * 1.05);
}

/** Milliseconds, where a test gives a deadline. */
export const DEADLINE = 5_000;
/** Why callers abort. */
export const reason: Error = new Error('changed my mind');

/** One attempt that its caller aborts once the server has stalled. */
export async function aborted(server: ScriptedServer, options: Attempt): Promise<Outcome> {
  const controller = new AbortController();
  const send = { signal: controller.signal };
  return attempt(server, { ...options, send, onStall: () => controller.abort(reason) });
}
