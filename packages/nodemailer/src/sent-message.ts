// What sendMail() resolves with: nodemailer's result, and the receipt.
import { type Receipt, type RecipientResult, replyText } from '@mailgrant/core';
import { recipientError, type RecipientError } from './nodemailer-error.ts';

/** The result of `transporter.sendMail()`. A type alias, so that it fits nodemailer's own result type. */
export type SentMessage = {
  envelope: { from: string | false; to: string[] };
  /** As in the header of the message. */
  messageId: string;
  accepted: string[];
  /** Recipients the server did not take the message for, whether for now or for good. */
  rejected: string[];
  /** Why not; there only if `rejected` is not empty. */
  rejectedErrors?: RecipientError[];
  /** The server's reply to the message in one line. */
  response: string;
  /** The Message-ID the server gave the message, where it says so: Exchange Online does, and delivers it with that one. */
  serverMessageId?: string;
  /** Milliseconds from the first command of the transaction to the server's reply. */
  messageTime: number;
  /** Bytes of the message. */
  messageSize: number;
  /** All of it, as core has it. */
  receipt: Receipt;
};

interface Sent {
  readonly messageId: string;
  readonly size: number;
}

/** Core's receipt in nodemailer's words. */
export function toSentMessage(
  envelope: { readonly from: string | false; readonly to: readonly string[] },
  { messageId, size }: Sent,
  receipt: Receipt,
): SentMessage {
  const rejected = [...receipt.refused, ...receipt.deferred];
  const { queueId } = receipt;
  return {
    envelope: { from: envelope.from, to: [...envelope.to] },
    messageId,
    accepted: receipt.accepted.map(addressOf),
    rejected: rejected.map(addressOf),
    ...(rejected.length > 0 && {
      rejectedErrors: rejected.map(({ address, reply }) => recipientError(address, reply)),
    }),
    response: replyText(receipt.reply),
    ...(queueId !== undefined && /@.+\.outlook\.com$/i.test(queueId) && { serverMessageId: `<${queueId}>` }),
    messageTime: receipt.timings.transaction,
    messageSize: size,
    receipt,
  };
}

const addressOf = ({ address }: RecipientResult): string => address;
