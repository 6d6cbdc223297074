export { compose, type ComposedMail, type ComposeOptions } from './compose.ts';
export type { Mail } from './mail.ts';
export type { NodemailerErrorFields, RecipientError } from './nodemailer-error.ts';
export type { SentMessage } from './sent-message.ts';
export { mailgrantTransport, type MailgrantTransport, type TransportMail, type TransportOptions } from './transport.ts';
