// What a token request is judged by, and what it comes to.
import {
  type AppRegistration,
  type Directory,
  type EnterpriseApp,
  findEnterpriseApp,
  type Tenant,
  type User,
} from '../directory.ts';
import type { ClientProof } from './client.ts';
import type { TokenForm } from './form.ts';
import { type EntraProblem, problem } from './problem.ts';
import type { RequestedScope } from './scope.ts';
import type { EntraStore, SignIn } from './store.ts';

/** A token request and all it is judged by. */
export interface TokenRequest {
  readonly directory: Directory;
  readonly form: TokenForm;
  readonly now: number;
  readonly store: EntraStore;
  readonly settings: GrantSettings;
}

export interface GrantSettings {
  /** Refresh tokens that were replaced by a newer one. */
  readonly replacedRefreshTokens: 'accept' | 'refuse';
  /** Milliseconds without use after which a refresh token dies. */
  readonly refreshTokenLifetime: number;
  /** Milliseconds between polls for a device code. */
  readonly deviceCodeInterval: number;
}

/** What the token shall say. */
export interface Grant {
  readonly tenant: Tenant;
  readonly app: AppRegistration;
  readonly enterprise: EnterpriseApp;
  readonly audience: string;
  readonly proof: ClientProof;
  /** Application permissions; of an app on its own. */
  readonly roles: readonly string[];
  /** In whose name, when it is not the app's own. */
  readonly delegated?: Delegated;
}

/** The part of a grant that comes of a user's sign-in. */
export interface Delegated {
  readonly user: User;
  readonly permissions: readonly string[];
  readonly scope: RequestedScope;
  readonly signIn: SignIn;
}

/** The grant for a user who signed in, once everything else was judged. */
export function delegatedGrant(
  tenant: Tenant,
  app: AppRegistration,
  proof: ClientProof,
  delegated: Delegated,
): Grant | EntraProblem {
  const enterprise = findEnterpriseApp(tenant, app.clientId);
  if (enterprise === undefined) return problem(65001, { app: app.clientId, name: app.name });
  return { tenant, app, enterprise, audience: delegated.scope.resource, proof, roles: [], delegated };
}
