import { type MailerOptions, PROVIDERS, type Provider, createMailer } from '@mailgrant/core';
import type { compose } from '@mailgrant/nodemailer';
import { type Client, HOST, SENDER, TOKEN, type Target } from './client.ts';

/** Microsoft 365 without its limits on messages: they would be all there is to measure. */
export const provider = ({ port, connections }: Pick<Target, 'port' | 'connections'>): Provider => ({
  ...PROVIDERS.microsoft365,
  host: HOST,
  port,
  limits: { connections },
});

export function openMailgrant(target: Target, wire?: MailerOptions['wire']): Client {
  const token = async () => ({ value: TOKEN, expiresAt: Date.now() + 3_600_000 });
  const mailer = createMailer({ provider: provider(target), ca: target.ca, user: SENDER, token, wire });
  let composer: { readonly compose: typeof compose } | undefined;
  return {
    send: ({ to, message }) => mailer.send({ envelope: { from: SENDER, to }, message }),
    async compose(mail) {
      composer ??= await import('@mailgrant/nodemailer');
      return mailer.send(await composer.compose(mail, { allowFiles: true }));
    },
    close: () => mailer.close(),
  };
}
