// What an access token says about itself, held against what the account needs. For people: only the server's verdict counts.
import { CLAIM_CHECKS } from './claim-checks.ts';
import type { AuthorizationModel } from './entry.ts';

/** The claims of a JWT (RFC 7519 section 4), decoded and not verified. */
export type Claims = Readonly<Record<string, unknown>>;

/** What is checked, in the order of the findings. */
export type ClaimCheck =
  | 'format'
  | 'audience'
  | 'tenant'
  | 'application'
  | 'roles'
  | 'scopes'
  | 'kind'
  | 'user'
  | 'lifetime'
  | 'clock'
  | 'credential'
  | 'object-id';

/** What the account expects of its tokens. */
export interface ClaimOptions {
  /** How the application or person is authorized; it decides what each claim should be. */
  readonly model: AuthorizationModel;
  /** The tenant of the mailbox. Compared if it is an id; a domain cannot be. */
  readonly tenantId?: string | undefined;
  /** The application the token should have been made for. Not compared where absent. */
  readonly clientId?: string | undefined;
  /** The XOAUTH2 user: the mailbox. */
  readonly user?: string | undefined;
  /** Audiences to accept besides the model's own, for clouds this package does not know. */
  readonly audiences?: readonly string[] | undefined;
  /** Epoch milliseconds. */
  readonly now: number;
  /** Milliseconds before its end within which a token is replaced. Default: 20 minutes for `hve`, else 10. */
  readonly margin?: number | undefined;
  /** Milliseconds by which a server's clock (HTTP `Date`) is ahead of `now`; negative if behind. */
  readonly clockSkew?: number | undefined;
}

/** The outcome of one check. */
export interface ClaimFinding {
  /** What was looked at. */
  readonly check: ClaimCheck;
  /** `skipped`: could not be checked, or means nothing for this model. */
  readonly result: 'ok' | 'warning' | 'failed' | 'skipped';
  /** What was found, in a sentence; with what to do where it is wrong. */
  readonly text: string;
  /** Exchange Online PowerShell that uses what was found. */
  readonly command?: string;
}

/**
 * Holds the claims of an access token of Microsoft Entra ID against what a model of authorization needs. `undefined` stands
 * for a token that cannot be read, as those of personal accounts cannot. Findings name claims that are no secret (aud, tid,
 * appid, roles, scp, user name, exp, oid) and nothing else of the token.
 *
 * App RBAC is different from the application permission: its tokens have no roles, and should have none.
 */
export function checkClaims(claims: Claims | undefined, options: ClaimOptions): readonly ClaimFinding[] {
  if (claims === undefined) {
    const readable = options.model !== 'delegated';
    return [
      {
        check: 'format',
        result: readable ? 'failed' : 'skipped',
        text: readable
          ? 'The token is not a JWT, and applications get JWTs from Microsoft: look at what the token source returns.'
          : 'The token cannot be read. That is normal for personal accounts; nothing else can be checked.',
      },
    ];
  }
  return [
    { check: 'format', result: 'ok', text: 'The token is a JWT.' },
    ...CLAIM_CHECKS.map(({ check, look }) => ({ check, ...look(claims, options) })),
  ];
}
