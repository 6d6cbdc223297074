// What a send resolves with.
import { type Receipt, type RecipientResult, replyText } from '@mailgrant/core';
import type { Composed } from './composing.ts';
import type { SentMail } from './mail-client.ts';

const addressOf = ({ address }: { readonly address: string }): string => address;

/** Core's receipt and the composed mail as one result. */
export function toSentMail(composed: Composed, receipt: Receipt, account: string | undefined): SentMail {
  const { envelope, messageId, dropped } = composed;
  return {
    messageId,
    envelope: {
      from: envelope.from,
      to: envelope.to.map((recipient) => (typeof recipient === 'string' ? recipient : recipient.address)),
    },
    accepted: receipt.accepted.map(addressOf),
    rejected: rejectedIn(receipt).map(addressOf),
    dropped,
    response: replyText(receipt.reply),
    receipt,
    account,
  };
}

/** Recipients the server did not take the mail for. */
export const rejectedIn = ({ refused, deferred }: Receipt): readonly RecipientResult[] => [...refused, ...deferred];
