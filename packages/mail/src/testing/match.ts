// Which mail a test means.
import { InputError } from '@mailgrant/core';
import type { DefinedMail } from '../define-mail.ts';
import type { FakeSentMail } from './fake-sent-mail.ts';

/** All that is given has to fit. A text fits where it is the whole, in `text` and `html` where it occurs. */
export interface MailMatchFields {
  readonly from?: string | RegExp;
  /** Somebody it went to, or each of several; `cc` and `bcc` count. */
  readonly to?: string | RegExp | readonly (string | RegExp)[];
  readonly subject?: string | RegExp;
  readonly text?: string | RegExp;
  readonly html?: string | RegExp;
  /** The name of a definition, or the definition. */
  readonly template?: string | Pick<DefinedMail<never>, 'template'>;
  /** Names of attachments that are there. */
  readonly attachments?: readonly (string | RegExp)[];
  readonly idempotencyKey?: string;
}

export type MailMatch = MailMatchFields | ((mail: FakeSentMail) => boolean);

const FIELDS = ['from', 'to', 'subject', 'text', 'html', 'template', 'attachments', 'idempotencyKey'];

/** @throws TypeError `ERR_INPUT_OPTION` for a field that does not exist: a misspelt one would fit everything. */
export function matchesMail(mail: FakeSentMail, match: MailMatch = {}): boolean {
  if (typeof match === 'function') return match(mail);
  for (const field of Object.keys(match)) {
    if (!FIELDS.includes(field))
      throw new InputError('ERR_INPUT_OPTION', `${field}: mails are matched by ${FIELDS.join(', ')}`);
  }
  const { from, to, subject, text, html, template, attachments = [], idempotencyKey } = match;
  const everyone = to === undefined ? [] : [to].flat();
  return (
    (from === undefined || isAddress(mail.from, from)) &&
    everyone.every((one) => mail.to.some((address) => isAddress(address, one))) &&
    (subject === undefined || is(mail.subject, subject)) &&
    (text === undefined || has(mail.text, text)) &&
    (html === undefined || has(mail.html, html)) &&
    (template === undefined || mail.template === nameOf(template)) &&
    attachments.every((one) => mail.attachments.some((name) => is(name, one))) &&
    (idempotencyKey === undefined || mail.idempotencyKey === idempotencyKey)
  );
}

const nameOf = (template: NonNullable<MailMatchFields['template']>): string =>
  typeof template === 'string' ? template : template.template;

const isAddress = (address: string, expected: string | RegExp): boolean =>
  typeof expected === 'string' ? address.toLowerCase() === expected.toLowerCase() : fits(address, expected);

const is = (text: string | undefined, expected: string | RegExp): boolean =>
  typeof expected === 'string' ? text === expected : text !== undefined && fits(text, expected);

const has = (text: string | undefined, expected: string | RegExp): boolean =>
  text !== undefined && (typeof expected === 'string' ? text.includes(expected) : fits(text, expected));

/** A RegExp with `g` remembers where it stood. */
const fits = (text: string, { source, flags }: RegExp): boolean =>
  new RegExp(source, flags.replace(/[gy]/g, '')).test(text);
