// Who sends to whom, and which notifications are wished for, out of a compiled message.
import { type Envelope, InputError } from '@mailgrant/core';
import { readDsn } from './dsn.ts';
import type { MimeNode } from './mime-tree.ts';

/** What nodemailer's mails say of their envelope; `dsn` and REQUIRETLS stand in the mail or in its `envelope`. */
export interface EnvelopeFields {
  readonly envelope?: object | undefined;
  readonly dsn?: unknown;
  readonly requireTLSExtensionEnabled?: unknown;
}

/**
 * The envelope of a message.
 * @param nullPath a missing sender is no oversight but the null reverse-path of notifications (RFC 5321 section 4.5.5)
 * @throws TypeError `ERR_INPUT_ADDRESS` without a sender or a recipient, `ERR_INPUT_OPTION` for a `dsn` it cannot read.
 */
export function toEnvelope(root: MimeNode, mail: EnvelopeFields, nullPath: boolean): Envelope {
  const { from, to } = root.getEnvelope();
  if (!from && !nullPath) throw new InputError('ERR_INPUT_ADDRESS', 'from: a mail needs a sender');
  if (to.length === 0) throw new InputError('ERR_INPUT_ADDRESS', 'to, cc, bcc: a mail needs a recipient');
  const fields: EnvelopeFields = { ...mail.envelope, ...definedOf(mail) };
  const { originalRecipient, ...wishes } = readDsn(fields.dsn);
  return {
    from: from || '',
    to: originalRecipient === undefined ? [...to] : to.map((address) => ({ address, originalRecipient })),
    ...wishes,
    ...(fields.requireTLSExtensionEnabled ? { requireTls: true } : {}),
  };
}

function definedOf({ dsn, requireTLSExtensionEnabled }: EnvelopeFields): EnvelopeFields {
  return { ...(dsn ? { dsn } : {}), ...(requireTLSExtensionEnabled ? { requireTLSExtensionEnabled } : {}) };
}
