// The conversation for whoever listens: node:diagnostics_channel, nothing built while nobody does.
import { channel } from 'node:diagnostics_channel';

/** One line said on a connection. Subscribing asks for addresses: MAIL and RCPT are shown as sent. Secrets never are. */
export interface TranscriptEvent {
  /** Numbers the connections of this process. */
  readonly connection: number;
  /** The other end. */
  readonly server: { readonly host: string; readonly port: number };
  /** Who said it; a `note` is about the connection, such as the version of TLS. */
  readonly from: 'client' | 'server' | 'note';
  /** Without CRLF. Message content is shown as its size. */
  readonly line: string;
  /** Epoch milliseconds. */
  readonly at: number;
}

const transcript = channel('mailgrant:smtp:transcript');

/** Whether anybody listens; ask before building a line. */
export const transcribing = (): boolean => transcript.hasSubscribers;

export function transcribe(event: TranscriptEvent): void {
  transcript.publish(event);
}
