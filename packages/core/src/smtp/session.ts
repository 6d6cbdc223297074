// From the first byte to a secured session: greeting, EHLO, STARTTLS, EHLO (RFC 5321 section 3.1, RFC 3207).
import { CapabilityError, ProtocolError, ReplyError, type Stage } from '../errors.ts';
import { type Capabilities, parseCapabilities } from './capabilities.ts';
import { ehlo, startTls } from './command.ts';
import { type Dialogue, ask, greeting } from './dialogue.ts';
import { type Reply, replyText } from './reply.ts';

/** How TLS starts: by STARTTLS (ports 25, 587), at once (465), or never (loopback only). */
export type TlsMode = 'starttls' | 'implicit' | 'none';

export interface Session {
  readonly capabilities: Capabilities;
  /** The first line of the last EHLO reply: the server's name and greeting. */
  readonly greeting: string;
  /** Flights to the server and back, the greeting's among them, the TLS handshake's not. */
  readonly roundTrips: number;
}

/** Opens the session. Capabilities from before TLS are forgotten (RFC 3207 section 4.2). */
export function* openSession(name: string, tls: TlsMode): Dialogue<Session> {
  expect(220, yield* greeting(), 'greeting');
  let hello = expect(250, yield* ask(ehlo(name)), 'EHLO');
  if (tls === 'starttls') {
    if (!parseCapabilities(hello).has('STARTTLS')) {
      throw new CapabilityError(
        'ERR_SMTP_STARTTLS_NOT_OFFERED',
        'the server does not offer STARTTLS; no token is sent without TLS',
        { stage: 'STARTTLS' },
      );
    }
    expect(220, yield* ask(startTls()), 'STARTTLS');
    yield { kind: 'secure' };
    hello = expect(250, yield* ask(ehlo(name)), 'EHLO');
  }
  return {
    capabilities: parseCapabilities(hello),
    greeting: hello.lines[0] ?? '',
    roundTrips: tls === 'starttls' ? 4 : 2,
  };
}

/** A refusal is a ReplyError; any other code has no place here. */
function expect(code: number, reply: Reply, stage: Stage): Reply {
  if (reply.code === code) return reply;
  if (reply.code >= 400) throw new ReplyError('ERR_SMTP_SERVICE_REFUSED', stage, reply, { stage });
  throw new ProtocolError(`${stage}: expected ${code}, got ${replyText(reply)}`, { stage });
}
