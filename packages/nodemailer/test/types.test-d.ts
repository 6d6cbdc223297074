// What users of the types rely on; checked by the compiler alone.
import type { Mailer, MailerOptions, OutgoingMail, Receipt } from '@mailgrant/core';
import nodemailer, { type SendMailOptions, type SentMessageInfo, type Transporter } from 'nodemailer';
import { expectTypeOf } from 'vitest';
import { compose, type ComposedMail, type Mail, mailgrantTransport, type SentMessage } from '../src/index.ts';

declare const options: MailerOptions;
declare const mailer: Mailer;
declare const anyMail: SendMailOptions;

// the one changed line: the result of createTransport() knows what sendMail() resolves with
const transporter = nodemailer.createTransport(mailgrantTransport(options), { from: 'a@example.com' });
expectTypeOf(transporter.sendMail({})).resolves.toEqualTypeOf<SentMessage>();
expectTypeOf<SentMessage['receipt']>().toEqualTypeOf<Receipt>();
expectTypeOf(transporter.verify()).resolves.toEqualTypeOf<true>();
transporter.sendMail({ to: 'b@example.org', signal: AbortSignal.timeout(1) }, (_error, info) => {
  expectTypeOf(info.accepted).toEqualTypeOf<string[]>();
});

// it fits where a transporter of any kind is expected, over options or a mailer
expectTypeOf(transporter).toExtend<Transporter>();
expectTypeOf(nodemailer.createTransport(mailgrantTransport(mailer))).toExtend<Transporter<SentMessageInfo>>();

// what compose() makes, send() takes
expectTypeOf(compose({})).resolves.toEqualTypeOf<ComposedMail>();
expectTypeOf<ComposedMail>().toExtend<OutgoingMail>();

// mails written for nodemailer are mails, but for what belongs to its own transports
expectTypeOf(anyMail).toExtend<Mail>();
// @ts-expect-error a mail brings no login of its own
void compose({ auth: { user: 'x' } });
// @ts-expect-error the signal belongs to send()
void compose({ signal: AbortSignal.abort() });
