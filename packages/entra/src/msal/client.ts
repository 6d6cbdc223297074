// The one place that makes MSAL's applications: one for each request. Its cache and its table of throttled requests live in
// an application, and both would answer where core's cache has decided to ask (docs/decisions/0008-msal.md).
import { type AccessToken, InputError, MailError, Secret, TokenError } from '@mailgrant/core';
import type {
  AuthenticationResult,
  ConfidentialClientApplication,
  Configuration,
  PublicClientApplication,
} from '@azure/msal-node';
import type * as MsalNode from '@azure/msal-node';
import { type Normalised, shown } from '../input.ts';
import { createNetwork, type Network } from './network.ts';

/** What stands for the client in one request, read and ready. */
export type ClientProof =
  | { readonly kind: 'secret'; readonly secret: Secret }
  | {
      readonly kind: 'certificate';
      readonly privateKey: Secret;
      readonly thumbprintSha256: string;
      /** PEM of what is to be sent along. */
      readonly x5c: string | undefined;
    }
  | { readonly kind: 'assertion'; readonly assertion: Secret };

/** A token, and what came with it. */
export interface Acquired {
  readonly token: AccessToken;
  readonly refreshToken: Secret | undefined;
  /** The claims of the ID token, which came from Entra itself over TLS (OpenID Connect Core section 3.1.3.7). */
  readonly idClaims: Readonly<Record<string, unknown>> | undefined;
}

export type Msal = typeof MsalNode;

/** A request by a registered application that proves who it is. */
export async function confidential(
  settings: Normalised,
  proof: ClientProof,
  ask: (application: ConfidentialClientApplication) => Promise<AuthenticationResult | null>,
): Promise<Acquired> {
  return acquire(settings, undefined, ({ ConfidentialClientApplication: Application }, network) => {
    const { auth, system } = configuration(settings, network);
    return ask(new Application({ auth: { ...auth, ...proofOptions(proof) }, system }));
  });
}

/** A request in a person's name, by an application with or without a proof. */
export async function delegated(
  settings: Normalised,
  proof: ClientProof | undefined,
  ask: (application: ConfidentialClientApplication | PublicClientApplication) => Promise<AuthenticationResult | null>,
): Promise<Acquired> {
  return proof === undefined ? publicly(settings, undefined, ask) : confidential(settings, proof, ask);
}

/** A request by an application that cannot keep a secret. */
export async function publicly(
  settings: Normalised,
  signal: AbortSignal | undefined,
  ask: (application: PublicClientApplication) => Promise<AuthenticationResult | null>,
): Promise<Acquired> {
  return acquire(settings, signal, ({ PublicClientApplication: Application }, network) =>
    ask(new Application(configuration(settings, network))),
  );
}

/** An application that asks for nothing: for what MSAL computes, such as URLs. */
export async function offline<T>(
  settings: Normalised,
  work: (application: PublicClientApplication, msal: Msal) => Promise<T>,
): Promise<T> {
  const msal = await loadMsal();
  const network = createNetwork(settings.http);
  try {
    return await work(new msal.PublicClientApplication(configuration(settings, network)), msal);
  } catch (error) {
    throw translated(error, network);
  }
}

async function acquire(
  settings: Normalised,
  signal: AbortSignal | undefined,
  ask: (msal: Msal, network: Network) => Promise<AuthenticationResult | null>,
): Promise<Acquired> {
  const msal = await loadMsal();
  const network = createNetwork({ ...settings.http, signal });
  try {
    const result = await ask(msal, network);
    const { answer } = network;
    if (answer === undefined)
      throw new TokenError('ERR_OAUTH_SOURCE', 'MSAL returned without asking Entra for a token');
    const refreshToken = answer.body['refresh_token'];
    return {
      token: answer.token,
      refreshToken: typeof refreshToken === 'string' && refreshToken !== '' ? new Secret(refreshToken) : undefined,
      idClaims: result?.idTokenClaims as Acquired['idClaims'],
    };
  } catch (error) {
    signal?.throwIfAborted();
    throw translated(error, network);
  }
}

/** 0.1 to 0.3 seconds, paid by the first request and not by whoever imports this package. */
async function loadMsal(): Promise<Msal> {
  return import('@azure/msal-node');
}

function configuration(
  { clientId, tenantId, cloud }: Normalised,
  network: Network,
): Required<Pick<Configuration, 'auth' | 'system'>> {
  // MSAL refuses authorities without TLS, also on this machine: it is told a name, and asks the endpoints it is given.
  const host = cloud.authority.startsWith('https:') ? new URL(cloud.authority).host : 'login.microsoftonline.com';
  const endpoint = (path: string): string => `${cloud.authority}/${tenantId}/${path}`;
  return {
    auth: {
      clientId,
      authority: `https://${host}/${tenantId}`,
      knownAuthorities: [host],
      authorityMetadata: JSON.stringify({
        authorization_endpoint: endpoint('oauth2/v2.0/authorize'),
        token_endpoint: endpoint('oauth2/v2.0/token'),
        end_session_endpoint: endpoint('oauth2/v2.0/logout'),
        issuer: `https://${host}/${tenantId}/v2.0`,
        jwks_uri: endpoint('discovery/v2.0/keys'),
      }),
    },
    system: {
      networkClient: network,
      // MSAL writes to the console unless told otherwise.
      loggerOptions: { loggerCallback: () => undefined, piiLoggingEnabled: false },
    },
  };
}

function proofOptions(proof: ClientProof): Partial<Configuration['auth']> {
  switch (proof.kind) {
    case 'secret':
      return { clientSecret: proof.secret.reveal() };
    case 'certificate':
      return {
        clientCertificate: {
          privateKey: proof.privateKey.reveal(),
          thumbprintSha256: proof.thumbprintSha256,
          ...(proof.x5c !== undefined && { x5c: proof.x5c }),
        },
      };
    case 'assertion':
      return { clientAssertion: proof.assertion.reveal() };
  }
}

/** Our own errors stay what they are; MSAL's keep their code and lose their class. */
function translated(error: unknown, network: Network): Error {
  const { name, errorCode } = (error ?? {}) as { name?: unknown; errorCode?: unknown };
  // By MSAL's clock, between two polls: the last answer was that the person is still expected.
  if (errorCode === 'device_code_expired') {
    const message = 'nobody signed in before the code expired';
    return new TokenError('ERR_OAUTH_REFUSED', message, { error: 'expired_token' });
  }
  if (errorCode === 'nonce_mismatch') {
    return new TokenError('ERR_OAUTH_CALLBACK', 'the ID token belongs to another sign-in (nonce_mismatch)');
  }
  if (network.failure !== undefined) return network.failure;
  if (error instanceof MailError || error instanceof InputError) return error;
  const code = typeof errorCode === 'string' ? errorCode : name;
  return network.answer === undefined
    ? new TokenError('ERR_OAUTH_SOURCE', `MSAL refused the request before it was sent: ${shown(code)}`)
    : new TokenError('ERR_OAUTH_MALFORMED', `MSAL did not accept the answer of Entra: ${shown(code)}`);
}
