// What tests of the grants in a user's name have in common.
import { createHash, randomBytes } from 'node:crypto';
import type { Sandbox, SignInChoice } from '../src/index.ts';
import { requestToken } from './clients.ts';

export const SMTP_SEND = 'https://outlook.office.com/SMTP.Send offline_access openid';
export const REDIRECT = 'http://localhost:4711/callback';

/** An authorization request with PKCE, and the verifier that belongs to it. */
export function authorizeUrl(
  sandbox: Sandbox,
  changes: Readonly<Record<string, string | undefined>> = {},
  tenant: string = sandbox.tenantId,
): { readonly url: string; readonly verifier: string } {
  const verifier = randomBytes(32).toString('base64url');
  const url = new URL(`/${tenant}/oauth2/v2.0/authorize`, sandbox.url);
  const parameters = {
    client_id: sandbox.clientId,
    response_type: 'code',
    redirect_uri: REDIRECT,
    scope: SMTP_SEND,
    state: 'the state',
    nonce: 'the nonce',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...changes,
  };
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) url.searchParams.set(name, value);
  return { url: url.href, verifier };
}

/** What came back to the redirect URI. */
export const parametersOf = (redirect: string): Record<string, string> =>
  Object.fromEntries(new URL(redirect).searchParams);

export type TokenAnswer = Awaited<ReturnType<typeof requestToken>>;

/** Asks the token endpoint without any scope or secret but those given. */
export const ask = (sandbox: Sandbox, fields: Readonly<Record<string, string | undefined>>): Promise<TokenAnswer> =>
  requestToken(sandbox, { scope: undefined, client_secret: undefined, ...fields });

/** Signs in and redeems the code. */
export async function signedIn(
  sandbox: Sandbox,
  choice: SignInChoice = { as: sandbox.mailbox },
  changes: Readonly<Record<string, string | undefined>> = {},
): Promise<TokenAnswer> {
  const { url, verifier } = authorizeUrl(sandbox);
  const { code } = parametersOf(sandbox.entra.signIn(url, choice));
  return ask(sandbox, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: REDIRECT,
    code_verifier: verifier,
    ...changes,
  });
}

export const refresh = (
  sandbox: Sandbox,
  token: unknown,
  changes: Readonly<Record<string, string | undefined>> = {},
): Promise<TokenAnswer> => ask(sandbox, { grant_type: 'refresh_token', refresh_token: String(token), ...changes });

export const claimsOf = (token: unknown): Record<string, unknown> =>
  JSON.parse(Buffer.from(String(token).split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;

/** `AADSTS` number of a refusal. */
export const numberOf = ({ body }: TokenAnswer): unknown => (body['error_codes'] as number[] | undefined)?.[0];
