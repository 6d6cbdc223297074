// Rules for staging: everything to one address, or mail to some people only.
import { domainToASCII } from 'node:url';
import { InputError, LimitError } from '@mailgrant/core';
import type { ComposedMail, Mail } from '@mailgrant/nodemailer';
import type { Composed } from './composing.ts';
import { joinHeaders, withoutFields } from './defaults.ts';

export interface StagingOptions {
  readonly alwaysTo?: string | readonly string[] | undefined;
  readonly showOriginalTo?: boolean | undefined;
  readonly allowRecipients?: readonly (string | RegExp)[] | undefined;
  readonly onDisallowed?: 'refuse' | 'drop' | undefined;
}

export interface StagingRules {
  /** The mail with other recipients, where all mail goes to one address. */
  redirect(mail: Mail): Mail;
  /** @throws LimitError `ERR_MAIL_NOT_ALLOWED` when recipients are left who may not get it, or none who may. */
  sift(composed: ComposedMail): Composed;
}

/** @throws TypeError `ERR_INPUT_OPTION`, naming the option. */
export function stagingRules({
  alwaysTo,
  showOriginalTo,
  allowRecipients,
  onDisallowed,
}: StagingOptions): StagingRules {
  const target = alwaysTo === undefined ? undefined : [alwaysTo].flat();
  if (target?.some((one) => addressIn(one) === undefined) || target?.length === 0) {
    throw new InputError('ERR_INPUT_OPTION', 'alwaysTo: expected one or more addresses');
  }
  if (onDisallowed !== undefined && onDisallowed !== 'refuse' && onDisallowed !== 'drop') {
    throw new InputError('ERR_INPUT_OPTION', "onDisallowed: expected 'refuse' or 'drop'");
  }
  if (allowRecipients !== undefined && !Array.isArray(allowRecipients)) {
    throw new InputError('ERR_INPUT_OPTION', 'allowRecipients: expected a list of addresses, patterns and RegExps');
  }
  const allows = allowRecipients?.map(toTest);
  if (target === undefined) {
    return { redirect: (mail) => mail, sift: (composed) => sift(composed, allows, onDisallowed === 'drop') };
  }
  // Whatever way a recipient came into the envelope: nobody else gets the mail.
  const targets = target.map((one) => addressIn(one) ?? '').map(toTest);
  return {
    redirect: (mail) => redirect(mail, target, showOriginalTo === true),
    sift: (composed) => sift(composed, targets, true),
  };
}

function redirect(mail: Mail, to: string[], showOriginal: boolean): Mail {
  const { cc: _cc, bcc: _bcc, envelope, dsn: _dsn, headers: given, ...rest } = mail;
  // nodemailer sends to whom these fields name, as it does with `to` and `cc`.
  const headers = given && withoutFields(given, ['to', 'cc', 'bcc']);
  const original = showOriginal ? addressesOf(envelope?.to ?? [mail.to, mail.cc, mail.bcc]) : [];
  return {
    ...rest,
    to,
    ...(envelope && { envelope: { ...(envelope.from !== undefined && { from: envelope.from }), to } }),
    ...(headers && { headers }),
    ...(original.length > 0 && { headers: joinHeaders({ 'X-Original-To': original.join(', ') }, headers ?? {}) }),
  };
}

/** The address in `Name <address>`, or the text itself, if it is one. */
function addressIn(text: unknown): string | undefined {
  const address = typeof text === 'string' ? (/<([^<>]*)>\s*$/.exec(text)?.[1] ?? text).trim() : '';
  return /^[^\s@,;*]+@[^\s@,;*]+$/.test(address) ? address : undefined;
}

/** What people wrote as recipients, one text each. */
function addressesOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(addressesOf);
  if (typeof value === 'string' && value !== '') return [value];
  if (typeof value === 'object' && value !== null && 'address' in value) return addressesOf(value.address);
  return [];
}

function sift(
  composed: ComposedMail,
  allows: readonly ((address: string) => boolean)[] | undefined,
  drop: boolean,
): Composed {
  if (allows === undefined) return { ...composed, dropped: [] };
  const { envelope } = composed;
  const addressOf = (recipient: (typeof envelope.to)[number]): string =>
    typeof recipient === 'string' ? recipient : recipient.address;
  const to = envelope.to.filter((recipient) => allows.some((allow) => allow(addressOf(recipient))));
  const others = envelope.to.length - to.length;
  if (others > 0 && (!drop || to.length === 0)) {
    // Without their addresses: this text may end up in an answer to somebody else.
    const who = others === 1 ? 'one recipient is' : `${others} recipients are`;
    const error = new LimitError('ERR_MAIL_NOT_ALLOWED', `${who} not on the list of allowed recipients`);
    if ('destroy' in composed.message) composed.message.destroy();
    throw error;
  }
  const dropped = envelope.to.filter((recipient) => !to.includes(recipient)).map(addressOf);
  return { ...composed, envelope: { ...envelope, to }, dropped };
}

/** A test for the address as it stands in an envelope: its domain in A-labels. */
function toTest(pattern: string | RegExp, index: number): (address: string) => boolean {
  if (pattern instanceof RegExp) {
    const stateless = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''));
    return (address) => stateless.test(address);
  }
  if (typeof pattern !== 'string' || !pattern.includes('@')) {
    const hint = "expected an address, '*@contoso.com' or a RegExp";
    throw new InputError('ERR_INPUT_OPTION', `allowRecipients[${index}]: ${hint}`);
  }
  const at = pattern.lastIndexOf('@');
  const domain = pattern.slice(at + 1);
  const ascii = /^[\x20-\x7e]*$/.test(domain) ? domain : domainToASCII(domain);
  const parts = `${pattern.slice(0, at)}@${ascii}`.toLowerCase().split('*');
  return (address) => matches(address.toLowerCase(), parts);
}

/** Whether the parts occur in this order, from the beginning to the end; a `*` stood between them. */
function matches(text: string, parts: readonly string[]): boolean {
  const [first = '', ...others] = parts;
  const last = others.pop();
  if (last === undefined) return text === first;
  if (!text.startsWith(first)) return false;
  let from = first.length;
  for (const part of others) {
    const found = text.indexOf(part, from);
    if (found < 0) return false;
    from = found + part.length;
  }
  return text.length - last.length >= from && text.endsWith(last);
}
