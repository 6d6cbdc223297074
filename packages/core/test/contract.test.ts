// The contract of all adapters, on the mailer itself.
import { randomUUID } from 'node:crypto';
import { type ContractMail, type ContractSubject, describeContract } from '@mailgrant/sandbox/contract';
import { describe, test } from 'vitest';
import { clientCredentials, createMailer, type OutgoingMail, type RecipientResult } from '../src/index.ts';

/** Just enough of a message: composing is not the core's. */
function outgoing({ from, to, cc = [], bcc = [], subject, text }: ContractMail, messageId: string): OutgoingMail {
  const header = { From: from, To: to.join(', '), Subject: subject, 'Message-ID': messageId };
  const lines = Object.entries(header).map(([name, value]) => `${name}: ${value}`);
  return { envelope: { from, to: [...to, ...cc, ...bcc] }, message: `${lines.join('\r\n')}\r\n\r\n${text}\r\n` };
}

const addresses = (results: readonly RecipientResult[]): string[] => results.map(({ address }) => address);

describeContract({ describe, test }, 'createMailer()', {
  without: ['compose', 'names'],
  open: async ({ host, port, ca, user, tokenEndpoint, clientId, clientSecret, scope }): Promise<ContractSubject> => {
    const token = clientCredentials({ tokenEndpoint, clientId, clientSecret, scope });
    const mailer = createMailer({ provider: 'microsoft365', host, port, ca, user, token });
    return {
      ...mailer,
      async send(mail, options) {
        const messageId = `<${randomUUID()}@contoso.com>`;
        const { accepted, refused, deferred } = await mailer.send(outgoing(mail, messageId), options);
        return { messageId, accepted: addresses(accepted), rejected: addresses([...refused, ...deferred]) };
      },
    };
  },
});
