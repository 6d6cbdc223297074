// An envelope checked at the door, and what it asks of the server once its capabilities are known.
import { CapabilityError, InputError } from '../errors.ts';
import type { Envelope, Notify, Recipient } from '../message.ts';
import { type Capabilities, sizeLimit } from './capabilities.ts';
import { type Command, type MailParameters, type RcptParameters, mail, rcpt } from './command.ts';
import type { Content } from './content.ts';
import { type Mailbox, parseMailbox } from './mailbox.ts';

export interface CheckedRecipient extends Mailbox, RcptParameters {}

/** An envelope whose addresses and parameters are fit for the wire. */
export interface CheckedEnvelope {
  /** `undefined` is the null reverse-path. */
  readonly from: Mailbox | undefined;
  readonly to: readonly CheckedRecipient[];
  readonly options: EnvelopeOptions;
}

/** What the sender wishes beyond delivery. Most wish nothing: they share one object, for a hundred thousand may wait. */
interface EnvelopeOptions {
  readonly ret: 'FULL' | 'HDRS' | undefined;
  readonly envid: string | undefined;
  readonly requireTls: boolean;
  /** All recipients or none. */
  readonly all: boolean;
}

const NO_WISHES: EnvelopeOptions = { ret: undefined, envid: undefined, requireTls: false, all: false };

/** A message on its way to one group of recipients. */
export interface Delivery {
  readonly envelope: CheckedEnvelope;
  readonly content: Content;
  /** Send it untouched (BINARYMIME). */
  readonly binary: boolean;
}

/**
 * Checks every address and parameter; the same recipient twice is kept once. `user` was checked before.
 * @throws TypeError `ERR_INPUT_ADDRESS` or `ERR_INPUT_OPTION` naming the field.
 */
export function checkEnvelope(envelope: Envelope, user?: Mailbox): CheckedEnvelope {
  if (typeof envelope !== 'object' || envelope === null || !Array.isArray(envelope.to)) {
    throw new InputError('ERR_INPUT_ADDRESS', 'envelope: expected { from: string, to: string[] }');
  }
  if (envelope.to.length === 0) throw new InputError('ERR_INPUT_ADDRESS', 'envelope.to: a message needs a recipient');
  const to = checkRecipients(envelope.to, envelope.notify);
  const { envelopeId, requireTls = false, recipients = 'any' } = envelope;
  if (recipients !== 'any' && recipients !== 'all') {
    throw new InputError('ERR_INPUT_OPTION', "envelope.recipients: expected 'any' or 'all'");
  }
  if (envelope.return !== undefined && envelope.return !== 'full' && envelope.return !== 'headers') {
    throw new InputError('ERR_INPUT_OPTION', "envelope.return: expected 'full' or 'headers'");
  }
  if (envelopeId !== undefined && !/^[\x20-\x7e]{1,100}$/.test(envelopeId)) {
    throw new InputError('ERR_INPUT_OPTION', 'envelope.envelopeId: expected up to 100 printable ASCII characters');
  }
  const ret = envelope.return && (envelope.return === 'full' ? 'FULL' : 'HDRS');
  const wishes: EnvelopeOptions = { ret, envid: envelopeId, requireTls, all: recipients === 'all' };
  const wished = ret !== undefined || envelopeId !== undefined || requireTls || wishes.all;
  const from = envelope.from === '' ? undefined : senderOf(envelope.from, user);
  return { from, to, options: wished ? wishes : NO_WISHES };
}

function senderOf(from: string, user: Mailbox | undefined): Mailbox {
  return from === user?.address ? user : parseMailbox(from, 'envelope.from');
}

function checkRecipients(recipients: Envelope['to'], notify: Notify | undefined): CheckedRecipient[] {
  const [only] = recipients;
  if (recipients.length === 1 && only !== undefined) return [checkRecipient(only, notify, 'envelope.to[0]')];
  const to = new Map<string, CheckedRecipient>();
  for (const [i, recipient] of recipients.entries()) {
    const checked = checkRecipient(recipient, notify, `envelope.to[${i}]`);
    const key = checked.address.replace(/@[^@]*$/, (domain) => domain.toLowerCase()); // RFC 5321 section 2.4: domains have no case
    if (!to.has(key)) to.set(key, checked);
  }
  return [...to.values()];
}

function checkRecipient(recipient: string | Recipient, notify: Notify | undefined, what: string): CheckedRecipient {
  if (typeof recipient === 'string') {
    const mailbox = parseMailbox(recipient, what);
    return notify === undefined ? mailbox : { ...mailbox, notify: keywords(notify, 'envelope') };
  }
  const { address, originalRecipient } = recipient;
  return {
    ...parseMailbox(address, what),
    notify: keywords(recipient.notify ?? notify, what),
    orcpt: originalRecipient === undefined ? undefined : originalOf(originalRecipient, what),
  };
}

/** In the order of their domains, so that those of one domain go together where a server takes only so many domains. */
export function byDomain(to: readonly CheckedRecipient[]): readonly CheckedRecipient[] {
  return to.toSorted((a, b) => (domainOf(a) < domainOf(b) ? -1 : domainOf(a) > domainOf(b) ? 1 : 0));
}

/** The first of them, as many as one transaction may have. */
export function firstGroup(
  to: readonly CheckedRecipient[],
  recipients: number,
  domains: number,
): readonly CheckedRecipient[] {
  let end = Math.min(to.length, recipients);
  if (domains < end) {
    const seen = new Set<string>();
    const beyond = to.findIndex((each) => seen.add(domainOf(each)).size > domains);
    if (beyond >= 0) end = Math.min(end, beyond);
  }
  return end === to.length ? to : to.slice(0, end);
}

const domainOf = ({ address }: Mailbox): string => address.slice(address.lastIndexOf('@')).toLowerCase();

function originalOf(address: string, what: string): string {
  const original = parseMailbox(address, `${what}.originalRecipient`);
  // RFC 6533 has another form for these; no server known to us offers it.
  if (original.utf8) throw new InputError('ERR_INPUT_ADDRESS', `${what}.originalRecipient: an ASCII address is needed`);
  return original.address;
}

function keywords(notify: Notify | undefined, what: string): readonly string[] | undefined {
  if (notify === undefined) return undefined;
  if (notify === 'never') return ['NEVER'];
  const known = Array.isArray(notify) && notify.every((each) => ['success', 'failure', 'delay'].includes(each));
  if (!known || notify.length === 0) {
    throw new InputError(
      'ERR_INPUT_OPTION',
      `${what}.notify: expected 'never' or some of 'success', 'failure', 'delay'`,
    );
  }
  return notify.map((each) => each.toUpperCase());
}

/** The commands that open a transaction. */
export interface EnvelopeCommands {
  readonly mail: Command;
  readonly rcpts: readonly Command[];
}

/**
 * The envelope in the words of this server. `limit`: bytes of a message it takes, for whoever knows it already.
 * @throws CapabilityError when the server lacks what the message needs, before anything of it is sent.
 */
export function envelopeCommands(
  delivery: Delivery,
  capabilities: Capabilities,
  limit: number | undefined = sizeLimit(capabilities),
): EnvelopeCommands {
  const { envelope } = delivery;
  // Notifications are a wish: a server that does not know them gets the message without.
  const dsn = capabilities.has('DSN');
  return {
    mail: mail(envelope.from, mailParameters(delivery, capabilities, { dsn, limit })),
    rcpts: envelope.to.map((to) => rcpt(to, dsn ? to : undefined)),
  };
}

function mailParameters(
  { envelope, content, binary }: Delivery,
  capabilities: Capabilities,
  { dsn, limit }: { readonly dsn: boolean; readonly limit: number | undefined },
): MailParameters {
  const international = envelope.from?.utf8 === true ? envelope.from : envelope.to.find(({ utf8 }) => utf8);
  if (international !== undefined && !capabilities.has('SMTPUTF8')) {
    throw new CapabilityError(
      'ERR_SMTP_SMTPUTF8_NOT_OFFERED',
      `the address ${international.address} needs SMTPUTF8 (RFC 6531), which the server does not offer`,
      { stage: 'MAIL' },
    );
  }
  if (envelope.options.requireTls && !capabilities.has('REQUIRETLS')) {
    throw new CapabilityError(
      'ERR_SMTP_REQUIRETLS_NOT_OFFERED',
      'the message asks for TLS all the way (RFC 8689) and the server does not offer REQUIRETLS',
      { stage: 'MAIL' },
    );
  }
  if (limit !== undefined && content.size !== undefined && content.size > limit) {
    throw new CapabilityError(
      'ERR_SMTP_SIZE_EXCEEDED',
      `the message has ${content.size} bytes, the server accepts at most ${limit} (RFC 1870)`,
      { stage: 'MAIL' },
    );
  }
  if (binary && !(capabilities.has('CHUNKING') && capabilities.has('BINARYMIME'))) {
    throw new CapabilityError(
      'ERR_SMTP_BINARYMIME_NOT_OFFERED',
      'the message is binary and the server does not offer BINARYMIME (RFC 3030); encode it as base64',
      { stage: 'MAIL' },
    );
  }
  if (!binary && content.bytes !== undefined && content.eightBit && !capabilities.has('8BITMIME'))
    throw eightBitRefused();
  return {
    size: capabilities.has('SIZE') ? content.size : undefined,
    body: binary ? 'BINARYMIME' : content.eightBit && capabilities.has('8BITMIME') ? '8BITMIME' : undefined,
    utf8: international !== undefined,
    ret: dsn ? envelope.options.ret : undefined,
    envid: dsn ? envelope.options.envid : undefined,
    requireTls: envelope.options.requireTls,
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
