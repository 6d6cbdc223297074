// The AUTH exchange with a bearer token (RFC 4954 section 4; XOAUTH2; OAUTHBEARER, RFC 7628).
import { AuthenticationError, CapabilityError, ProtocolError } from '../errors.ts';
import { createRedactor } from '../redact.ts';
import type { Mechanism } from '../sasl/mechanism.ts';
import type { Secret } from '../secret.ts';
import { type Capabilities, offersMechanism } from './capabilities.ts';
import { auth, authCancel, authResponse } from './command.ts';
import { type Dialogue, ask } from './dialogue.ts';
import { type Reply, replyText } from './reply.ts';

/** RFC 4954 section 4: an AUTH line with its initial response is no longer than a command line, CRLF included. */
const MAX_LINE = 512;

/** A server that knows only short lines answers one of these to a long AUTH line. */
const LINE_REFUSED = [500, 501, 555];

export interface Authenticated {
  /** The token went with the AUTH command itself. */
  readonly inline: boolean;
  readonly roundTrips: number;
}

/**
 * Logs in. With `longLines` the token may go with the AUTH command whatever its length; where the server refuses
 * that (`onLineRefused`), and for long tokens without it, the token follows in a second step. What is `hidden` is taken out
 * of challenges.
 */
export function* authenticate(
  mechanism: Mechanism,
  capabilities: Capabilities,
  longLines: boolean,
  hidden: readonly Secret[] = [],
  onLineRefused?: () => void,
): Dialogue<Authenticated> {
  if (!offersMechanism(capabilities, mechanism.name)) {
    const offered = capabilities.get('AUTH')?.join(' ') ?? 'no AUTH at all';
    throw new CapabilityError(
      'ERR_SMTP_AUTH_NOT_OFFERED',
      `the server does not offer AUTH ${mechanism.name} (it offers ${offered}); the token was not sent`,
      { stage: 'AUTH' },
    );
  }
  const response = mechanism.initialResponse.reveal();
  let inline = longLines || `AUTH ${mechanism.name} ${response}\r\n`.length <= MAX_LINE;
  let reply: Reply | undefined;
  let roundTrips = 1;
  if (inline) {
    reply = yield* ask(auth(mechanism.name, response));
    if (LINE_REFUSED.includes(reply.code)) {
      inline = false;
      roundTrips += 1;
      onLineRefused?.();
    }
  }
  if (!inline) {
    const tokenSent = reply !== undefined;
    reply = yield* ask(auth(mechanism.name));
    if (reply.code >= 400) throw new AuthenticationError(mechanism.name, reply, { tokenSent });
    if (reply.code !== 334 || reply.lines.join('').trim() !== '') {
      // The first challenge of these mechanisms is empty. Whoever asks something else, or nothing, does not get the token.
      const got = codeOnly(reply);
      if (reply.code === 334) yield* ask(authCancel());
      throw new ProtocolError(`AUTH ${mechanism.name}: expected an empty challenge, got ${got}`, { stage: 'AUTH' });
    }
    reply = yield* ask(authResponse(response));
    roundTrips += 1;
  }
  return yield* judge(mechanism, reply, { inline, roundTrips }, hidden);
}

/** The text of a challenge is a server's and not redacted: it stays out of messages. */
const codeOnly = (reply: Reply): string => (reply.code === 334 ? '334' : replyText(reply));

function* judge(
  mechanism: Mechanism,
  first: Reply | undefined,
  login: Authenticated,
  hidden: readonly Secret[],
): Dialogue<Authenticated> {
  let reply = first;
  let challenge: string | undefined;
  if (reply?.code === 334) {
    // After the token a challenge can only be the error (RFC 7628 section 3.2.2); one answer lets the server refuse.
    challenge = decode(reply, [...hidden, mechanism.token, mechanism.initialResponse]);
    reply = yield* ask(authResponse(mechanism.errorAnswer));
  }
  if (reply?.code === 235 && challenge === undefined) return login;
  if (reply !== undefined && reply.code >= 400) throw new AuthenticationError(mechanism.name, reply, { challenge });
  throw new ProtocolError(`AUTH ${mechanism.name}: expected 235, got ${reply === undefined ? '' : codeOnly(reply)}`, {
    stage: 'AUTH',
  });
}

/** A server chose this text, and in base64 that is cut into lines no secret of ours can be recognised. */
function decode(reply: Reply, secrets: readonly Secret[]): string {
  const text = Buffer.from(reply.lines.join(''), 'base64').toString('utf8').slice(0, 2000);
  // oxlint-disable-next-line no-control-regex -- a blank where JSON may have one
  return createRedactor(secrets)(text.replace(/[\x00-\x1f\x7f-\x9f]/g, ' ')).slice(0, 1000);
}
