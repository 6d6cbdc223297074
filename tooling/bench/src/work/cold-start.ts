// From nothing to the first accepted message, with a token to fetch. Modules are imported before the clock starts; what they
// load when they are used counts.
import { SENDER, type Target, readyMessage, recipients } from '../clients/client.ts';

export type Way = 'mailgrant' | 'msal then nodemailer' | 'post then nodemailer';

export interface ColdStartJob {
  readonly way: Way;
  readonly target: Target;
  readonly tokenPort: number;
}

const CLIENT = { clientId: '11111111-2222-4333-8444-555555555555', clientSecret: 'a-secret-of-the-bench' };
const SCOPE = 'https://outlook.office365.com/.default';
const TENANT = '99999999-8888-4777-8666-555555555555';
const mail = { to: recipients(1), message: readyMessage(2048) };

/** Milliseconds. */
export async function coldStart({ way, target, tokenPort }: ColdStartJob): Promise<number> {
  switch (way) {
    case 'mailgrant':
      return viaMailgrant(target, tokenPort);
    case 'msal then nodemailer':
      return viaNodemailer(target, await msalToken(tokenPort));
    case 'post then nodemailer':
      return viaNodemailer(target, async () => {
        const form = { grant_type: 'client_credentials', scope: SCOPE, client_id: CLIENT.clientId };
        const body = new URLSearchParams({ ...form, client_secret: CLIENT.clientSecret });
        const response = await fetch(tokenEndpoint(tokenPort), { method: 'POST', body });
        return ((await response.json()) as { access_token: string }).access_token;
      });
  }
}

async function viaMailgrant(target: Target, tokenPort: number): Promise<number> {
  const { clientCredentials, createMailer } = await import('@mailgrant/core');
  const { provider } = await import('../clients/mailgrant.ts');
  const start = performance.now();
  const token = clientCredentials({ ...CLIENT, tokenEndpoint: tokenEndpoint(tokenPort), scope: SCOPE });
  const mailer = createMailer({ provider: provider(target), ca: target.ca, user: SENDER, token });
  await mailer.send({ envelope: { from: SENDER, to: mail.to }, message: mail.message });
  return performance.now() - start;
}

async function viaNodemailer(target: Target, token: () => Promise<string>): Promise<number> {
  const { openNodemailer } = await import('../clients/nodemailer.ts');
  const start = performance.now();
  await openNodemailer(target, await token()).send(mail);
  return performance.now() - start;
}

async function msalToken(tokenPort: number): Promise<() => Promise<string>> {
  const { ConfidentialClientApplication } = await import('@azure/msal-node');
  return async () => {
    const application = new ConfidentialClientApplication({ auth: msalAuth(tokenPort) });
    const result = await application.acquireTokenByClientCredential({ scopes: [SCOPE] });
    if (result === null) throw new Error('MSAL got no token');
    return result.accessToken;
  };
}

/** For login.microsoftonline.com MSAL knows all this by heart; so it makes one request here as it does there. */
export function msalAuth(tokenPort: number) {
  const base = `https://localhost:${tokenPort}/${TENANT}`;
  return {
    ...CLIENT,
    authority: base,
    knownAuthorities: [`localhost:${tokenPort}`],
    authorityMetadata: JSON.stringify({
      authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
      token_endpoint: tokenEndpoint(tokenPort),
      issuer: `${base}/v2.0`,
      jwks_uri: `${base}/discovery/v2.0/keys`,
    }),
  };
}

export const tokenEndpoint = (port: number): string => `https://localhost:${port}/${TENANT}/oauth2/v2.0/token`;
