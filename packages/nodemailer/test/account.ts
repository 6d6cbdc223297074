import { clientCredentials, type MailerOptions } from '@mailgrant/core';
import type { Sandbox } from '@mailgrant/sandbox';

/** How to log in to the sandbox's mailbox. */
export const accountOf = (sandbox: Sandbox): MailerOptions => {
  const { tokenEndpoint, clientId, clientSecret, scope } = sandbox;
  return {
    provider: 'microsoft365',
    ...sandbox.smtp,
    ca: sandbox.ca,
    user: sandbox.mailbox,
    token: clientCredentials({ tokenEndpoint, clientId, clientSecret, scope }),
  };
};
