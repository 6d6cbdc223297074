// Microsoft's national clouds, as far as tokens for mail tell them apart.
import type { Cloud } from '../directory.ts';

export interface CloudFacts {
  /** Host of its token service. */
  readonly login: string;
  /** Issuer of version 1.0 tokens, without the tenant. */
  readonly issuer: string;
  /** Resources that stand for Exchange Online there; the first is what an app asks for. */
  readonly exchange: readonly [string, ...string[]];
  readonly graph: string;
  /** What `aud` of a federated token has to be. */
  readonly federatedAudience: string;
  /** `cloud_instance_name` in the discovery document. */
  readonly instance: string;
}

/** Facts of 2026-11. That China's scope is this one is likely, not confirmed. */
export const CLOUDS: Readonly<Record<Cloud, CloudFacts>> = {
  worldwide: {
    login: 'login.microsoftonline.com',
    issuer: 'https://sts.windows.net',
    exchange: ['https://outlook.office365.com', 'https://outlook.office.com'],
    graph: 'https://graph.microsoft.com',
    federatedAudience: 'api://AzureADTokenExchange',
    instance: 'microsoftonline.com',
  },
  usgov: {
    login: 'login.microsoftonline.us',
    issuer: 'https://sts.windows.net',
    exchange: ['https://outlook.office365.us'],
    graph: 'https://graph.microsoft.us',
    federatedAudience: 'api://AzureADTokenExchangeUSGov',
    instance: 'microsoftonline.us',
  },
  china: {
    login: 'login.partner.microsoftonline.cn',
    issuer: 'https://sts.chinacloudapi.cn',
    exchange: ['https://partner.outlook.cn'],
    graph: 'https://microsoftgraph.chinacloudapi.cn',
    federatedAudience: 'api://AzureADTokenExchangeChina',
    instance: 'partner.microsoftonline.cn',
  },
};
