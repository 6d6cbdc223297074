// The token endpoint over HTTP: the form in, faults and the record aside, tokens or a refusal out.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { sendJson } from '../http.ts';
import { clientInfo } from './authorize.ts';
import { decideGrant } from './decide.ts';
import { ENTRA_POINT, type EntraFaults, faultStatus, onlyDelays, pause, sendFault } from './fault.ts';
import { correlationIdOf, readForm, type TokenForm } from './form.ts';
import type { Grant, TokenRequest } from './grant.ts';
import { type EntraProblem, isProblem, problem, problemBody } from './problem.ts';
import { scopeText } from './scope.ts';
import { claimsOf, idTokenClaims, type TokenSigner } from './tokens.ts';

/** A token request that was made, without anything secret. */
export interface TokenRequestRecord {
  /** Epoch milliseconds, by the sandbox's clock. */
  readonly at: number;
  readonly tenant: string;
  readonly grant: string;
  readonly clientId: string;
  readonly scope: string;
  /** What the client proved itself with; `none` for a public client. */
  readonly credential: 'none' | 'secret' | 'assertion';
  /** Sign-in name of the user the token is for, when it is for one. */
  readonly user: string | undefined;
  /** `fault` when a scripted fault answered in Entra's place. */
  readonly outcome: 'issued' | 'refused' | 'fault';
  /** HTTP status of the answer; 0 when there was none. */
  readonly status: number;
  /** `AADSTS…` of a refusal. */
  readonly error: string | undefined;
}

export interface TokenEndpoint extends Omit<TokenRequest, 'form' | 'now' | 'directory'> {
  readonly directory: () => TokenRequest['directory'];
  readonly now: () => number;
  /** Milliseconds an access token is good for. */
  readonly tokenLifetime: number;
  readonly faults: EntraFaults;
  readonly signer: Promise<TokenSigner>;
  readonly record: (entry: TokenRequestRecord) => void;
}

/** Answers one request to `/{tenant}/oauth2/v2.0/token`. */
export async function answerToken(
  endpoint: TokenEndpoint,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  tenant: string,
): Promise<void> {
  const { faults, now, directory, store, settings } = endpoint;
  const form = await readForm(request, url, tenant);
  const correlationId = correlationIdOf(request);
  const recorded = recordOf(tenant, form?.fields ?? new Map<string, string>());
  const record = (outcome: TokenRequestRecord['outcome'], status: number, number?: number, user?: string): void =>
    endpoint.record({
      ...recorded,
      at: now(),
      outcome,
      status,
      error: number === undefined ? undefined : `AADSTS${number}`,
      user: user ?? recorded.user,
    });

  const fault = faults.take(ENTRA_POINT);
  if (fault !== undefined) {
    if (fault.delay !== undefined) await pause(fault.delay, response);
    if (!onlyDelays(fault)) {
      record('fault', fault.hang === true || fault.reset === true ? 0 : faultStatus(fault), fault.aadsts);
      return sendFault(response, fault, now(), correlationId, { app: recorded.clientId, tenant });
    }
  }
  const refuse = (refusal: EntraProblem): void => {
    record('refused', refusal.status, refusal.number);
    sendJson(response, refusal.status, problemBody(refusal, now(), correlationId));
  };
  if (request.method !== 'POST') return refuse(problem(900561, { method: request.method ?? '' }));
  if (form === undefined) return refuse(problem(9002313));
  const decision = await decideGrant({ directory: directory(), form, now: now(), store, settings });
  if (isProblem(decision)) return refuse(decision);
  const answer = await tokenAnswer(endpoint, decision, form);
  record('issued', 200, undefined, decision.delegated?.user.upn);
  sendJson(response, 200, answer);
}

const recordOf = (
  tenant: string,
  fields: TokenForm['fields'],
): Omit<TokenRequestRecord, 'at' | 'outcome' | 'status' | 'error'> => ({
  tenant,
  grant: fields.get('grant_type') ?? '',
  clientId: fields.get('client_id') ?? '',
  scope: fields.get('scope') ?? '',
  credential: fields.has('client_assertion') ? 'assertion' : fields.has('client_secret') ? 'secret' : 'none',
  user: fields.get('username'),
});

async function tokenAnswer(
  { now, tokenLifetime, signer, store }: TokenEndpoint,
  grant: Grant,
  { fields }: TokenForm,
): Promise<Record<string, unknown>> {
  const { sign } = await signer;
  const expiresIn = Math.floor(tokenLifetime / 1000);
  const common = {
    token_type: 'Bearer',
    expires_in: expiresIn,
    ext_expires_in: expiresIn,
    ...(expiresIn >= 7200 && { refresh_in: Math.floor(expiresIn / 2) }),
    access_token: await sign(claimsOf(grant, now(), tokenLifetime)),
  };
  const { delegated } = grant;
  if (delegated === undefined) return common;
  const { scope, permissions, signIn, user } = delegated;
  return {
    ...common,
    scope: scopeText(scope.resource, permissions, scope.openId),
    ...(scope.openId.has('offline_access') && { refresh_token: store.createRefreshToken(signIn, now()) }),
    ...(scope.openId.has('openid') && { id_token: await sign(idTokenClaims(grant, delegated, now())) }),
    ...(fields.get('client_info') === '1' && { client_info: clientInfo(user, grant.tenant) }),
  };
}
