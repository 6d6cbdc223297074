// Which service an account means, and where its tokens come from.
import { PROVIDERS, type Provider, type ProviderName } from '@mailgrant/core';
import type { MailAccount } from './mail-account.ts';

const MICROSOFT: readonly string[] = ['microsoft365', 'hve', 'outlook', 'microsoft365-us', 'microsoft365-china'];
const MICROSOFT_HOSTS =
  /(?:^|\.)(?:office365\.(?:com|us)|outlook\.com|partner\.outlook\.cn|hve\.mx\.microsoft|mail\.protection\.outlook\.com)$/i;

/** The service: as named, else the one that listens at this host, else Microsoft 365. `undefined`: a host nothing is known of. */
export function providerOf({
  provider,
  host,
}: Pick<MailAccount, 'provider' | 'host'>): ProviderName | Provider | undefined {
  if (provider !== undefined) return provider;
  if (host === undefined) return 'microsoft365';
  const known = Object.values(PROVIDERS).find((each) => each.host === host.toLowerCase());
  return (known?.id as ProviderName | undefined) ?? (MICROSOFT_HOSTS.test(host) ? 'microsoft365' : undefined);
}

/** The service's description; of a host nothing is known of there is none. */
export function describe(provider: ProviderName | Provider | undefined): Provider | undefined {
  if (typeof provider !== 'string') return provider;
  return Object.hasOwn(PROVIDERS, provider) ? PROVIDERS[provider] : undefined;
}

/** Whether the account is with Microsoft, where passwords end. */
export function isMicrosoft(account: Pick<MailAccount, 'provider' | 'host'>): boolean {
  const provider = describe(providerOf(account));
  return provider !== undefined && (MICROSOFT.includes(provider.id) || MICROSOFT_HOSTS.test(provider.host));
}

/** Origin of the token service for each of Microsoft's services. */
export function authorityOf(provider: Provider | undefined): string {
  if (provider?.id === 'microsoft365-us') return 'https://login.microsoftonline.us';
  if (provider?.id === 'microsoft365-china') return 'https://login.partner.microsoftonline.cn';
  return 'https://login.microsoftonline.com';
}
