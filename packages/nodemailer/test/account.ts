import type { MailerOptions, TokenSource } from '@mailgrant/core';
import type { Sandbox } from '@mailgrant/sandbox';

/** The client credentials grant, by hand. */
const tokenOf =
  ({ tokenEndpoint, clientId, clientSecret, scope }: Sandbox): TokenSource =>
  async () => {
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
      scope,
    });
    const response = await fetch(tokenEndpoint, { method: 'POST', body });
    const { access_token, expires_in } = (await response.json()) as { access_token: string; expires_in: number };
    return { value: access_token, expiresAt: Date.now() + expires_in * 1000 };
  };

/** How to log in to the sandbox's mailbox. */
export const accountOf = (sandbox: Sandbox): MailerOptions => ({
  provider: 'microsoft365',
  ...sandbox.smtp,
  ca: sandbox.ca,
  user: sandbox.mailbox,
  token: tokenOf(sandbox),
});
