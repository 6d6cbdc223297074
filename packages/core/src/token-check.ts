// Whether a token can log in at all, by what it says of itself: known before a server is asked. Loaded by verify() only.
import type { ClaimFinding } from './diagnosis/index.ts';
import { TokenError } from './errors.ts';
import { decodeClaims } from './oauth/claims.ts';
import type { AccessToken } from './oauth/token-source.ts';
import type { Provider } from './providers.ts';

/** What alone makes a token useless. All else a server may see differently: a role may be missing with reason (App RBAC). */
const FATAL: ReadonlySet<ClaimFinding['check']> = new Set(['audience', 'lifetime']);

/**
 * What a token of Microsoft Entra ID says of itself, held against what the provider asks; nothing for other providers and
 * for tokens that cannot be read, as those of personal accounts.
 * @throws TokenError `ERR_OAUTH_WRONG_TOKEN` for a token that was made for another service, or has ended.
 */
export async function checkToken(
  token: AccessToken,
  provider: Provider,
  user: string,
  now: number,
): Promise<readonly ClaimFinding[]> {
  const claims = provider.entraTokens === true ? decodeClaims(token) : undefined;
  if (claims === undefined) return [];
  const { checkClaims } = await import('./diagnosis/index.ts');
  const delegated = claims['scp'] !== undefined;
  const model = provider.id === 'hve' ? 'hve' : delegated ? 'delegated' : 'app-permission';
  const { tokenMargin: margin } = provider;
  const findings = checkClaims(claims, { model, user, now, margin, clockSkew: token.clockSkew });
  const fatal = findings.find(({ check, result }) => FATAL.has(check) && result === 'failed');
  if (fatal !== undefined) throw new TokenError('ERR_OAUTH_WRONG_TOKEN', fatal.text);
  return findings;
}
