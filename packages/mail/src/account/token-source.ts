// From settings to a token source: core's grants, or Microsoft's library where a certificate or an identity is named.
import { readFile } from 'node:fs/promises';
import {
  type AccessToken,
  clientCredentials,
  refreshToken,
  type Secret,
  type SecretInput,
  TokenError,
  type TokenSource,
} from '@mailgrant/core';
import { isGiven } from '../problems.ts';
import type { MailAccount, MailCertificate, MailRefreshToken } from './mail-account.ts';
import { authorityOf, describe, providerOf } from './microsoft.ts';
import { wayOf } from './token-settings.ts';

/** The source of tokens for a checked account. Nothing is read before a token is needed. */
export function tokenSourceOf(account: MailAccount): TokenSource {
  switch (wayOf(account)) {
    case 'token':
      return account.token as TokenSource;
    case 'secret':
      return clientCredentials({ ...clientOf(account), scope: account.scope ?? scopesOf(account).application ?? '' });
    case 'refreshToken': {
      const { value, ...keeping } = refreshTokenOf(account.refreshToken);
      const scope = account.scope ?? scopesOf(account).delegated;
      return refreshToken({ ...clientOf(account), ...keeping, refreshToken: value, scope });
    }
    default:
      return lazily(() => entraSource(account));
  }
}

function clientOf(account: MailAccount) {
  const { clientId = '', clientSecret, clientSecretFile, fetch } = account;
  const secret: SecretInput | undefined = isGiven(clientSecretFile)
    ? () => readFile(String(clientSecretFile), 'utf8')
    : clientSecret;
  return { tokenEndpoint: endpointOf(account), clientId, fetch, ...(isGiven(secret) && { clientSecret: secret }) };
}

function endpointOf(account: MailAccount): string {
  if (isGiven(account.tokenEndpoint)) return String(account.tokenEndpoint);
  const authority = (account.authority ?? authorityOf(describe(providerOf(account)))).replace(/\/$/, '');
  return `${authority}/${account.tenantId}/oauth2/v2.0/token`;
}

/** A host nothing is known of gets the scopes of Microsoft 365 if a tenant is named, for then it stands in for that. */
function scopesOf(account: MailAccount): { application?: string | undefined; delegated?: string | undefined } {
  const provider = describe(providerOf(account)) ?? (isGiven(account.tenantId) ? describe('microsoft365') : undefined);
  return { application: provider?.applicationScope, delegated: provider?.delegatedScope };
}

function refreshTokenOf(given: MailAccount['refreshToken']): MailRefreshToken {
  const several = typeof given === 'object' && given !== null && 'value' in given;
  return several ? given : { value: given as SecretInput };
}

/** Makes the source with the first request, and again after it could not be made. */
function lazily(make: () => Promise<TokenSource>): TokenSource {
  let made: Promise<TokenSource> | undefined;
  return async (request) => {
    made ??= make();
    try {
      return await (
        await made
      )(request);
    } catch (error) {
      await made.catch(() => (made = undefined));
      throw error;
    }
  };
}

async function loadEntra() {
  try {
    return await import('@mailgrant/entra');
  } catch (cause) {
    const message = 'certificates and identities need the package @mailgrant/entra: npm install @mailgrant/entra';
    throw new TokenError('ERR_OAUTH_SOURCE', message, { cause });
  }
}

async function entraSource(account: MailAccount): Promise<(request?: object) => Promise<AccessToken>> {
  const { entraApp, entraManagedIdentity, CLOUDS } = await loadEntra();
  const { tenantId = '', clientId = '', certificate, federatedTokenFile, managedIdentity, fetch } = account;
  const scope = account.scope ?? scopesOf(account).application ?? CLOUDS.worldwide.applicationScope;
  const options = {
    fetch,
    scope,
    ...(isGiven(account.authority) && { cloud: { authority: String(account.authority) } }),
  };
  if (isGiven(managedIdentity)) {
    return entraManagedIdentity({ ...options, ...(managedIdentity === true ? {} : managedIdentity) });
  }
  const { id } = describe(providerOf(account)) ?? {};
  const cloud = options.cloud ?? { authority: authorityOf(describe(providerOf(account))) };
  const credential = isGiven(federatedTokenFile)
    ? { assertionFile: String(federatedTokenFile) }
    : { certificate: certificateOf(certificate ?? {}) };
  return entraApp({ ...options, cloud, tenantId, clientId, credential, ...(id === 'hve' && { provider: 'hve' }) });
}

function certificateOf({ path, keyPath, pem, pfx, passphrase }: MailCertificate): {
  pemFile?: string;
  keyFile?: string;
  pfxFile?: string;
  pem?: string | Uint8Array;
  pfx?: Uint8Array;
  passphrase?: string | Secret;
} {
  return {
    ...(isGiven(path) &&
      (/\.(?:pfx|p12)$/i.test(String(path)) ? { pfxFile: String(path) } : { pemFile: String(path) })),
    ...(keyPath !== undefined && { keyFile: keyPath }),
    ...(pem !== undefined && { pem }),
    ...(pfx !== undefined && { pfx }),
    ...(passphrase !== undefined && { passphrase }),
  };
}
