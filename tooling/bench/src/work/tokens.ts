// Tokens: looking one up that is there, and many who want one that is not.
import { msalAuth, tokenEndpoint } from './cold-start.ts';

export interface TokensJob {
  readonly holder: 'mailgrant' | 'msal';
  readonly tokenPort: number;
  /** Callers at once while there is no token. */
  readonly cold: number;
  /** Look-ups of the token that is there. */
  readonly lookups: number;
}

export interface TokensResult {
  /** Microseconds for each look-up. */
  readonly lookup: number;
}

const SCOPE = 'https://outlook.office365.com/.default';

export async function tokens({ holder, tokenPort, cold, lookups }: TokensJob): Promise<TokensResult> {
  const take = holder === 'mailgrant' ? await mailgrant(tokenPort) : await msal(tokenPort);
  await Promise.all(Array.from({ length: cold }, take));
  for (let i = 0; i < lookups / 10; i += 1) await take();
  const start = performance.now();
  for (let i = 0; i < lookups; i += 1) await take();
  return { lookup: ((performance.now() - start) * 1000) / lookups };
}

async function mailgrant(tokenPort: number): Promise<() => Promise<unknown>> {
  const { cached, clientCredentials } = await import('@mailgrant/core');
  const { clientId, clientSecret } = msalAuth(tokenPort);
  return cached(clientCredentials({ clientId, clientSecret, tokenEndpoint: tokenEndpoint(tokenPort), scope: SCOPE }));
}

async function msal(tokenPort: number): Promise<() => Promise<unknown>> {
  const { ConfidentialClientApplication } = await import('@azure/msal-node');
  const application = new ConfidentialClientApplication({ auth: msalAuth(tokenPort) });
  return () => application.acquireTokenByClientCredential({ scopes: [SCOPE] });
}
