import { PROVIDERS, createMailer, type Provider } from '@mailgrant/core';
import { type Client, HOST, SENDER, TOKEN, type Target } from './client.ts';

/** Microsoft 365 without its limits on messages: they would be all there is to measure. */
export const provider = ({ port, connections }: Pick<Target, 'port' | 'connections'>): Provider => ({
  ...PROVIDERS.microsoft365,
  host: HOST,
  port,
  limits: { connections },
});

export function openMailgrant(target: Target): Client {
  const token = async () => ({ value: TOKEN, expiresAt: Date.now() + 3_600_000 });
  const mailer = createMailer({ provider: provider(target), ca: target.ca, user: SENDER, token });
  return {
    send: ({ to, message }) => mailer.send({ envelope: { from: SENDER, to }, message }),
    async compose(mail) {
      const { compose } = await import('@mailgrant/nodemailer');
      return mailer.send(await compose(mail, { allowFiles: true }));
    },
    close: () => mailer.close(),
  };
}
