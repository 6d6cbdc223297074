// An envelope checked at the door, and what it asks of the server once its capabilities are known.
import { CapabilityError, InputError } from '../errors.ts';
import type { Envelope } from '../message.ts';
import { type Capabilities, sizeLimit } from './capabilities.ts';
import type { MailParameters } from './command.ts';
import type { Content } from './content.ts';
import { type Mailbox, parseMailbox } from './mailbox.ts';

/** An envelope whose addresses are fit for the wire. */
export interface CheckedEnvelope {
  /** `undefined` is the null reverse-path. */
  readonly from: Mailbox | undefined;
  readonly to: readonly Mailbox[];
}

/**
 * Checks every address; the same recipient twice is kept once.
 * @throws TypeError `ERR_INPUT_ADDRESS`.
 */
export function checkEnvelope(envelope: Envelope): CheckedEnvelope {
  if (typeof envelope !== 'object' || envelope === null || !Array.isArray(envelope.to)) {
    throw new InputError('ERR_INPUT_ADDRESS', 'envelope: expected { from: string, to: string[] }');
  }
  if (envelope.to.length === 0) throw new InputError('ERR_INPUT_ADDRESS', 'envelope.to: a message needs a recipient');
  const to = new Map<string, Mailbox>();
  for (const [i, address] of envelope.to.entries()) {
    const mailbox = parseMailbox(address, `envelope.to[${i}]`);
    if (!to.has(mailbox.address)) to.set(mailbox.address, mailbox);
  }
  return {
    from: envelope.from === '' ? undefined : parseMailbox(envelope.from, 'envelope.from'),
    to: [...to.values()],
  };
}

/**
 * What MAIL FROM declares for this message on this server.
 * @throws CapabilityError when the server lacks what the message needs, before anything of it is sent.
 */
export function mailParameters(
  envelope: CheckedEnvelope,
  content: Content,
  capabilities: Capabilities,
): MailParameters {
  const international = [envelope.from, ...envelope.to].find((mailbox) => mailbox?.utf8);
  if (international !== undefined && !capabilities.has('SMTPUTF8')) {
    throw new CapabilityError(
      'ERR_SMTP_SMTPUTF8_NOT_OFFERED',
      `the address ${international.address} needs SMTPUTF8 (RFC 6531), which the server does not offer`,
      { stage: 'MAIL' },
    );
  }
  const limit = sizeLimit(capabilities);
  if (limit !== undefined && content.size !== undefined && content.size > limit) {
    throw new CapabilityError(
      'ERR_SMTP_SIZE_EXCEEDED',
      `the message has ${content.size} bytes, the server accepts at most ${limit} (RFC 1870)`,
      { stage: 'MAIL' },
    );
  }
  if (content.bytes !== undefined && content.eightBit && !capabilities.has('8BITMIME')) throw eightBitRefused();
  return {
    size: capabilities.has('SIZE') ? content.size : undefined,
    body: content.eightBit && capabilities.has('8BITMIME') ? '8BITMIME' : undefined,
    utf8: international !== undefined,
  };
}

/** Found at the door for ready bytes, in mid-stream for the rest. */
export function eightBitRefused(): CapabilityError {
  return new CapabilityError(
    'ERR_SMTP_8BITMIME_NOT_OFFERED',
    'the message holds 8-bit text and the server does not offer 8BITMIME (RFC 6152); encode it as quoted-printable or base64',
    { stage: 'message' },
  );
}
