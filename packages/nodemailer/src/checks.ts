// What is refused at the door. nodemailer repairs or drops such input without a word: a recipient that is no address is
// not sent to, a finished header value may bring lines of its own.
import { InputError } from '@mailgrant/core';
import type { Mail } from './mail.ts';

/** What is used of nodemailer's address parser. */
export type ParseAddresses = (text: string) => readonly ParsedAddress[];

interface ParsedAddress {
  readonly address?: string | undefined;
  readonly group?: readonly ParsedAddress[] | undefined;
}

const ADDRESS_FIELDS = ['from', 'sender', 'replyTo', 'to', 'cc', 'bcc'] as const;
const ENVELOPE_FIELDS = ['from', 'to', 'cc', 'bcc'] as const;

/**
 * Checks every address of a mail and of its envelope.
 * @throws TypeError `ERR_INPUT_ADDRESS` naming the field.
 */
export function checkAddresses(mail: Mail, parse: ParseAddresses): void {
  for (const field of ADDRESS_FIELDS) checkAddressField(mail[field], field, parse);
  if (!mail.envelope) return;
  for (const field of ENVELOPE_FIELDS) checkAddressField(mail.envelope[field], `envelope.${field}`, parse);
}

function checkAddressField(value: unknown, where: string, parse: ParseAddresses): void {
  if (value === undefined || value === null || value === false || value === '') return;
  if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) checkAddressField(item, `${where}[${i}]`, parse);
  } else if (typeof value === 'string') {
    if (LINE_BREAK.test(value)) throw notAnAddress(value, where);
    for (const parsed of parse(value)) checkParsed(parsed, value, where);
  } else if (isObject(value) && typeof value['address'] === 'string') {
    checkParsed({ address: value['address'] }, value['address'], where);
  } else if (isObject(value) && Array.isArray(value['group'])) {
    checkAddressField(value['group'], `${where}.group`, parse);
  } else {
    throw notAnAddress(value, where);
  }
}

function checkParsed({ address, group }: ParsedAddress, shown: string, where: string): void {
  if (group !== undefined) {
    for (const member of group) checkParsed(member, shown, where);
  } else if (address === undefined || LINE_BREAK.test(address) || !/[^@]@[^@]/.test(address)) {
    throw notAnAddress(shown, where);
  }
}

// oxlint-disable-next-line no-control-regex -- what would end a line or a string early
const LINE_BREAK = /[\r\n\0]/;

function notAnAddress(value: unknown, where: string): InputError {
  const shown = typeof value === 'string' ? JSON.stringify(value.slice(0, 100)) : typeof value;
  return new InputError('ERR_INPUT_ADDRESS', `${where}: not an address: ${shown}`);
}

/**
 * Checks the caller's own header fields, of the message and of its parts.
 * @throws TypeError `ERR_INPUT_MESSAGE` naming the field.
 */
export function checkHeaders(mail: Mail): void {
  if (mail.date instanceof Date && Number.isNaN(mail.date.getTime())) {
    throw new InputError('ERR_INPUT_MESSAGE', 'date: not a date');
  }
  checkHeaderFields(mail.headers, 'headers');
  for (const field of ['text', 'html', 'watchHtml', 'amp', 'icalEvent'] as const) checkPart(mail[field], field);
  for (const field of ['attachments', 'alternatives'] as const) {
    for (const [i, part] of [mail[field] ?? []].flat().entries()) checkPart(part, `${field}[${i}]`);
  }
}

function checkPart(part: unknown, where: string): void {
  if (isObject(part)) checkHeaderFields(part['headers'], `${where}.headers`);
}

function checkHeaderFields(headers: unknown, where: string): void {
  if (!isObject(headers)) return;
  if (Array.isArray(headers)) for (const header of headers) checkHeaderFields(header, where);
  else if (typeof headers['key'] === 'string') checkHeader(headers['key'], headers['value'], where);
  else for (const [name, value] of Object.entries(headers)) checkHeader(name, value, where);
}

function checkHeader(name: string, value: unknown, where: string): void {
  const refuse = (why: string): never => {
    throw new InputError('ERR_INPUT_MESSAGE', `${where}: ${JSON.stringify(name.slice(0, 100))}: ${why}`);
  };
  if (!/^[\x21-\x39\x3b-\x7e]+$/.test(name)) refuse('not the name of a header field (RFC 5322 section 2.2)');
  if (/^(?:resent-)?bcc$/i.test(name)) refuse('blind copies belong into bcc, which stays out of the message');
  for (const item of Array.isArray(value) ? value : [value]) {
    // nodemailer writes a prepared value as it is; only folded lines are part of one field
    if (isObject(item) && item['prepared'] && /\r(?!\n)|(?<!\r)\n|\n(?![ \t])|\0/.test(String(item['value']))) {
      refuse('a prepared value is one field: no CR, LF or NUL but CRLF and a blank where it is folded');
    }
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
