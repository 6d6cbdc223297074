// Who sends to whom, out of a compiled message.
import { type Envelope, InputError } from '@mailgrant/core';
import type { MimeNode } from './mime-tree.ts';

/**
 * The envelope of a message. A reverse-path that is missing is an oversight unless the caller gave an envelope of
 * their own (`nullPath`): then it is the null path of notifications (RFC 5321 section 4.5.5).
 * @throws TypeError `ERR_INPUT_ADDRESS` without a sender or a recipient.
 */
export function toEnvelope(root: MimeNode, nullPath: boolean): Envelope {
  const { from, to } = root.getEnvelope();
  if (!from && !nullPath) throw new InputError('ERR_INPUT_ADDRESS', 'from: a mail needs a sender');
  if (to.length === 0) throw new InputError('ERR_INPUT_ADDRESS', 'to, cc, bcc: a mail needs a recipient');
  return { from: from || '', to: [...to] };
}
