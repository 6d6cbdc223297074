// What every mail of a client has.
import type { Mail } from '@mailgrant/nodemailer';

type Headers = NonNullable<Mail['headers']>;
interface Field {
  readonly key: string;
  readonly value: unknown;
}

/** The mail with what it does not say itself. Header fields are joined: of one that both name, the mail's stays. */
export function withDefaults(mail: Mail, defaults: Partial<Mail>): Mail {
  const joined: Mail = { ...defaults, ...said(mail) };
  if (defaults.headers && mail.headers) joined.headers = joinHeaders(defaults.headers, mail.headers);
  return joined;
}

/** What is said in an object: a field that is `undefined` is as good as not there. */
export function said<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** Header fields of both; of those that both name, the second's. */
export function joinHeaders(first: Headers, second: Headers): Headers {
  const later = fieldsOf(second);
  const names = new Set(later.map(({ key }) => key.toLowerCase()));
  return [...fieldsOf(first).filter(({ key }) => !names.has(key.toLowerCase())), ...later] as Headers;
}

/** Header fields but those of these names, given in lower case. */
export function withoutFields(headers: Headers, names: readonly string[]): Headers {
  return fieldsOf(headers).filter(({ key }) => !names.includes(key.trim().toLowerCase())) as Headers;
}

/** nodemailer takes a list of fields, one field, or an object of names with a value or several. */
function fieldsOf(headers: Headers): Field[] {
  if (Array.isArray(headers)) return headers as Field[];
  const { key, value } = headers;
  if (typeof key === 'string' && value) return [{ key, value }];
  return Object.entries(headers).map(([key, value]) => ({ key, value: value as unknown }));
}
