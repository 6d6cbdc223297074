// What users of the types rely on; checked by the compiler alone.
import type { Mailer } from '@mailgrant/core';
import type { Mail as NodemailerMail } from '@mailgrant/nodemailer';
import type { SendMailOptions } from 'nodemailer';
import { expectTypeOf } from 'vitest';
import {
  createMailClient,
  createMailClients,
  html,
  type Mail,
  type MailAccount,
  type MailClient,
  type MailClientOptions,
  type mailEnvSchema,
  mailOptionsFromEnv,
  type mailOptionsSchema,
  type SentMail,
} from '../src/index.ts';
import { createFakeMailClient } from '../src/testing/index.ts';

declare const mailer: Mailer;
declare const client: MailClient;
declare const anyMail: SendMailOptions;

// mails are nodemailer's, with HTML of the tag
expectTypeOf<Mail>().toEqualTypeOf<NodemailerMail>();
expectTypeOf(anyMail).toExtend<Mail>();
expectTypeOf(client.send({ html: html`<p></p>` })).resolves.toEqualTypeOf<SentMail>();
expectTypeOf(client.sendMail(Promise.resolve({ text: '' }))).resolves.toEqualTypeOf<SentMail>();

// options fit as they are written down
createMailClient({ account: { user: 'a@contoso.com', tenantId: 't', clientId: 'c', clientSecret: process.env['X'] } });
createMailClient({ mailer, closeMailer: true });
createMailClient({
  account: {
    host: 'smtp.office365.com',
    secure: false,
    auth: { user: 'a@contoso.com' },
    token: async () => ({ value: 'x', expiresAt: 1 }),
  },
});
expectTypeOf(mailOptionsFromEnv()).toEqualTypeOf<MailClientOptions>();

// @ts-expect-error a password is no way to a token
void ({ user: 'a@contoso.com', password: 'x' } satisfies MailAccount);
// @ts-expect-error nor one as nodemailer has it
void ({ auth: { user: 'a@contoso.com', pass: 'x' } } satisfies MailAccount);
// @ts-expect-error certificates are always verified
void ({ tls: { rejectUnauthorized: false } } satisfies MailAccount);
// @ts-expect-error there is no such service
void ({ provider: 'microsoft356' } satisfies MailAccount);
// @ts-expect-error accounts have settings of their own
createMailClient({ user: 'a@contoso.com' });
// @ts-expect-error a mail brings no login of its own
void client.send({ auth: { user: 'x' } });
// @ts-expect-error the signal belongs to the send
void client.send({ signal: AbortSignal.abort() });
// @ts-expect-error there is no such event
client.on('delivered', () => {});

// events know what they bring
client.on('sent', ({ result, attempts }) => {
  expectTypeOf(result).toEqualTypeOf<SentMail>();
  expectTypeOf(attempts[0]?.account).toEqualTypeOf<string | undefined>();
});
client.on('failed', ({ error }) => expectTypeOf(error).toBeUnknown());

// a fake stands where a client does, a client among options
expectTypeOf(createFakeMailClient()).toExtend<MailClient>();
createMailClients({ clients: { default: client, other: { mailer } } });

// the schemas say what they hand on
type Output<T> = T extends { readonly '~standard': { readonly types?: { readonly output: infer O } | undefined } }
  ? O
  : never;
expectTypeOf<Output<typeof mailOptionsSchema>>().toEqualTypeOf<MailClientOptions>();
expectTypeOf<Output<ReturnType<typeof mailEnvSchema>>>().toExtend<Readonly<Record<string, string | undefined>>>();
