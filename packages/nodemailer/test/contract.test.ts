// The contract of all adapters, on the transport under nodemailer.
import { clientCredentials } from '@mailgrant/core';
import { type ContractSubject, describeContract } from '@mailgrant/sandbox/contract';
import nodemailer from 'nodemailer';
import { describe, test } from 'vitest';
import { mailgrantTransport } from '../src/index.ts';

describeContract({ describe, test }, 'mailgrantTransport()', {
  // nodemailer has no health and no names
  without: ['health', 'names'],
  open: async ({ host, port, ca, user, tokenEndpoint, clientId, clientSecret, scope }): Promise<ContractSubject> => {
    const token = clientCredentials({ tokenEndpoint, clientId, clientSecret, scope });
    const transport = mailgrantTransport({ provider: 'microsoft365', host, port, ca, user, token });
    const transporter = nodemailer.createTransport(transport);
    return {
      send: (mail, options = {}) => transporter.sendMail({ ...mail, ...options }),
      verify: () => transporter.verify(),
      close: () => transport.close(),
    };
  },
});
