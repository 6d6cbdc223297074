// nodemailer's `dsn` option in core's words (RFC 3461).
import { InputError, type Notify } from '@mailgrant/core';

export interface DsnWishes {
  readonly notify?: Notify;
  readonly return?: 'full' | 'headers';
  readonly envelopeId?: string;
  readonly originalRecipient?: string;
}

const RETURN = { full: 'full', body: 'full', hdrs: 'headers', headers: 'headers' } as const;
const EVENTS = ['success', 'failure', 'delay'] as const;

/**
 * Reads `notify`, `return` or `ret`, `id` or `envid`, and `recipient` or `orcpt`.
 * @throws TypeError `ERR_INPUT_OPTION` naming the field.
 */
export function readDsn(dsn: unknown): DsnWishes {
  if (!dsn) return {};
  if (typeof dsn !== 'object') throw new InputError('ERR_INPUT_OPTION', 'dsn: expected an object');
  const fields = new Map(Object.entries(dsn).map(([name, value]) => [name, value ? String(value) : '']));
  const notify = fields.get('notify');
  const ret = fields.get('ret') || fields.get('return');
  const envelopeId = fields.get('envid') || fields.get('id');
  const originalRecipient = (fields.get('recipient') || fields.get('orcpt'))?.replace(/^rfc822;/i, '');
  return {
    ...(notify && { notify: readNotify(notify) }),
    ...(ret && { return: readReturn(ret) }),
    ...(envelopeId && { envelopeId }),
    ...(originalRecipient && { originalRecipient }),
  };
}

function readNotify(text: string): Notify {
  if (text.trim().toLowerCase() === 'never') return 'never';
  return text.split(',').map((part) => {
    const event = EVENTS.find((each) => each === part.trim().toLowerCase());
    if (event !== undefined) return event;
    throw new InputError('ERR_INPUT_OPTION', "dsn.notify: expected 'never' or some of 'success', 'failure', 'delay'");
  });
}

function readReturn(text: string): 'full' | 'headers' {
  const name = text.trim().toLowerCase();
  if (Object.hasOwn(RETURN, name)) return RETURN[name as keyof typeof RETURN];
  throw new InputError('ERR_INPUT_OPTION', "dsn.return: expected 'full' or 'headers'");
}
