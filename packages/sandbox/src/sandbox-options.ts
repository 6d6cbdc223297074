// What a sandbox can be told, and what it does when it is told nothing.
import type { FederatedIssuer } from './directory.ts';
import type { TenantOptions } from './directory-options.ts';
import type { GrantSettings } from './entra/grant.ts';
import type { ExchangeContext, ExchangeOptions } from './exchange/context.ts';
import { HOSTS } from './exchange/replies.ts';
import { DEFAULT_LIMITS } from './exchange/traffic.ts';

export interface SandboxOptions {
  /** Default: Contoso, with one app that may send and the mailbox noreply@contoso.com. */
  readonly tenants?: readonly TenantOptions[];
  /** The sandbox's clock, epoch milliseconds; default `Date.now`. Tokens and secrets expire by it. */
  readonly now?: () => number;
  /** Ports on 127.0.0.1; default 0: any free one. */
  readonly ports?: {
    readonly smtp?: number;
    readonly http?: number;
    readonly https?: number;
    readonly hve?: number;
  };
  /** Milliseconds an access token is good for; default 3599 seconds. */
  readonly tokenLifetime?: number;
  readonly entra?: EntraSettings;
  /** Issuers whose tokens federated credentials accept, with their public keys; see also `entra.addIdentityProvider()`. */
  readonly issuers?: readonly FederatedIssuer[];
  readonly smtp?: ExchangeOptions;
  /** High Volume Email, for the accounts in `tenants[].hve`. */
  readonly hve?: HveSettings;
}

export interface HveSettings {
  /** Milliseconds a token has to be good for still; default 10 minutes. */
  readonly tokenMargin?: number;
}

export interface EntraSettings {
  /** Refresh tokens that were replaced by a newer one: good all the same, as with Entra (the default), or refused. */
  readonly replacedRefreshTokens?: 'accept' | 'refuse';
  /** Milliseconds without use after which a refresh token dies; default 90 days. */
  readonly refreshTokenLifetime?: number;
  /** Milliseconds an authorization code is good for; default 10 minutes. */
  readonly codeLifetime?: number;
  /** Milliseconds a device code is good for; default 15 minutes. */
  readonly deviceCodeLifetime?: number;
  /** Milliseconds a client has to leave between polls for a device code; default 5000. */
  readonly deviceCodeInterval?: number;
}

/** Entra's settings, complete. */
export interface EntraTimes extends GrantSettings {
  readonly tokenLifetime: number;
  readonly codeLifetime: number;
  readonly deviceCodeLifetime: number;
}

export const entraTimes = ({ entra = {}, tokenLifetime = 3_599_000 }: SandboxOptions): EntraTimes => ({
  tokenLifetime,
  replacedRefreshTokens: entra.replacedRefreshTokens ?? 'accept',
  refreshTokenLifetime: entra.refreshTokenLifetime ?? 90 * 86_400_000,
  codeLifetime: entra.codeLifetime ?? 600_000,
  deviceCodeLifetime: entra.deviceCodeLifetime ?? 900_000,
  deviceCodeInterval: entra.deviceCodeInterval ?? 5000,
});

/** What tells the two SMTP servers apart. */
export type ServerRules = Pick<ExchangeContext, 'options' | 'host' | 'hve' | 'limits'>;

export const exchangeRules = ({ smtp = {} }: SandboxOptions): ServerRules => ({
  options: {
    extensions: smtp.extensions ?? ((offered: readonly string[]) => offered),
    maxSize: smtp.maxSize ?? 157_286_400,
    maxRecipients: smtp.maxRecipients ?? 500,
    unknownRecipients: smtp.unknownRecipients ?? 'accept',
    refuse: smtp.refuse ?? [],
    bareLineEnds: smtp.bareLineEnds ?? 'refuse',
    replyDelay: smtp.replyDelay ?? 0,
    implicitTls: smtp.implicitTls ?? false,
  },
  host: HOSTS.exchange,
  hve: undefined,
  limits: { ...DEFAULT_LIMITS, ...smtp.limits },
});

export const hveRules = (options: SandboxOptions): ServerRules => ({
  options: { ...exchangeRules(options).options, maxSize: 10_485_760, maxRecipients: 50, implicitTls: false },
  host: HOSTS.hve,
  hve: { tokenMargin: options.hve?.tokenMargin ?? 600_000 },
  limits: { ...DEFAULT_LIMITS, connections: Infinity, recipientsPerDay: Infinity },
});
