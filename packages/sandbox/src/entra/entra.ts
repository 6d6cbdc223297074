// Entra ID's v2.0 endpoints over HTTP: token, keys, discovery.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createLocalJWKSet, type JWTVerifyGetKey } from 'jose';
import { type Directory, findApp, findEnterpriseApp, findTenant } from '../directory.ts';
import { sendJson } from '../http.ts';
import { type EntraFault, faultStatus, FaultQueue, onlyDelays, pause, sendFault } from './fault.ts';
import { correlationIdOf, readForm } from './form.ts';
import { decideGrant, type Grant, isProblem } from './grant.ts';
import { malformedRequest, postOnly, type EntraProblem, problemBody } from './problem.ts';
import { type ClaimChanges, claimsOf, createTokenSigner, type TokenSigner } from './tokens.ts';

/** A token request that was made, without anything secret. */
export interface TokenRequestRecord {
  /** Epoch milliseconds, by the sandbox's clock. */
  readonly at: number;
  readonly tenant: string;
  readonly grant: string;
  readonly clientId: string;
  readonly scope: string;
  /** `fault` when a scripted fault answered in Entra's place. */
  readonly outcome: 'issued' | 'refused' | 'fault';
  /** HTTP status of the answer; 0 when there was none. */
  readonly status: number;
  /** `AADSTS…` of a refusal. */
  readonly error: string | undefined;
}

export interface EntraOptions {
  readonly directory: () => Directory;
  readonly now: () => number;
  /** Milliseconds an access token is good for. */
  readonly tokenLifetime: number;
  /** Runs after each token request was recorded. */
  readonly onRequest: () => void;
}

/** For whom a token is made by hand. */
export interface IssueOptions {
  /** Id or domain; default: the first tenant. */
  readonly tenant?: string;
  /** Default: the tenant's first app. */
  readonly clientId?: string;
  /** Default `https://outlook.office365.com`. */
  readonly audience?: string;
  /** Milliseconds from now; default as configured. Negative: expired already. */
  readonly lifetime?: number;
  /** Claims to change, or with `undefined` to take out. */
  readonly claims?: ClaimChanges;
}

/** Entra ID as a test sees it. */
export class Entra {
  readonly #options: EntraOptions;
  readonly #faults = new FaultQueue();
  readonly #requests: TokenRequestRecord[] = [];
  readonly #signer: Promise<TokenSigner> = createTokenSigner();

  constructor(options: EntraOptions) {
    this.#options = options;
    this.#signer.catch(() => {}); // whoever needs the key gets the error
  }

  /** Every token request so far, oldest first. */
  get requests(): readonly TokenRequestRecord[] {
    return this.#requests;
  }

  /** The next token request (or `fault.times` of them) meets this fault. Faults queue up. */
  next(fault: EntraFault): void {
    this.#faults.add(fault);
  }

  /** Forgets faults not used yet. */
  clear(): void {
    this.#faults.clear();
  }

  /** The keys tokens are signed with, as verifiers want them. */
  async keys(): Promise<JWTVerifyGetKey> {
    return createLocalJWKSet({ keys: [(await this.#signer).jwk] });
  }

  /** A token signed by this Entra without any request, as a test wants it. */
  async issue({ tenant: name, clientId, audience, lifetime, claims }: IssueOptions = {}): Promise<string> {
    const directory = this.#options.directory();
    const tenant = name === undefined ? directory.tenants[0] : findTenant(directory, name);
    const enterprise =
      clientId === undefined ? tenant?.enterpriseApps[0] : tenant && findEnterpriseApp(tenant, clientId);
    const app = enterprise && findApp(directory, enterprise.clientId);
    if (!tenant || !enterprise || !app) throw new TypeError('issue(): no such tenant, or no such app in it');
    const grant: Grant = {
      tenant,
      app,
      enterprise,
      audience: audience ?? 'https://outlook.office365.com',
      roles: enterprise.roles,
    };
    const signer = await this.#signer;
    return signer.sign({ ...claimsOf(grant, this.#options.now(), lifetime ?? this.#options.tokenLifetime), ...claims });
  }

  /** Answers one HTTP request; `false` when the path is none of Entra's. */
  async handle(request: IncomingMessage, response: ServerResponse, url: URL): Promise<boolean> {
    const [, tenant = '', ...rest] = url.pathname.split('/').map(decodePathSegment);
    const path = rest.join('/');
    const base = `${url.origin}/${tenant}`;
    if (path === 'oauth2/v2.0/token') {
      await this.#token(request, response, tenant);
    } else if (path === 'discovery/v2.0/keys') {
      const { jwk } = await this.#signer;
      sendJson(response, 200, { keys: [jwk] });
    } else if (path === 'v2.0/.well-known/openid-configuration') {
      const found = findTenant(this.#options.directory(), tenant);
      sendJson(response, 200, {
        token_endpoint: `${base}/oauth2/v2.0/token`,
        token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
        jwks_uri: `${base}/discovery/v2.0/keys`,
        issuer: `https://login.microsoftonline.com/${found?.id ?? '{tenantid}'}/v2.0`,
        authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
        device_authorization_endpoint: `${base}/oauth2/v2.0/devicecode`,
        response_types_supported: ['code'],
        subject_types_supported: ['pairwise'],
        id_token_signing_alg_values_supported: ['RS256'],
      });
    } else {
      return false;
    }
    return true;
  }

  async #token(request: IncomingMessage, response: ServerResponse, tenant: string): Promise<void> {
    const form = await readForm(request, tenant);
    const { now, directory, tokenLifetime } = this.#options;
    const fields = form?.fields ?? new Map<string, string>();
    const correlationId = correlationIdOf(request);
    const record = (outcome: TokenRequestRecord['outcome'], status: number, number?: number): void => {
      this.#requests.push({
        at: now(),
        tenant,
        grant: fields.get('grant_type') ?? '',
        clientId: fields.get('client_id') ?? '',
        scope: fields.get('scope') ?? '',
        outcome,
        status,
        error: number === undefined ? undefined : `AADSTS${number}`,
      });
      this.#options.onRequest();
    };

    const fault = this.#faults.take();
    if (fault !== undefined) {
      if (fault.delay !== undefined) await pause(fault.delay, response);
      if (!onlyDelays(fault)) {
        record('fault', fault.hang === true || fault.reset === true ? 0 : faultStatus(fault));
        return sendFault(response, fault, now(), correlationId);
      }
    }

    const refuse = (refusal: EntraProblem): void => {
      record('refused', refusal.status, refusal.number);
      sendJson(response, refusal.status, problemBody(refusal, now(), correlationId));
    };
    if (request.method !== 'POST') return refuse(postOnly(request.method ?? ''));
    if (form === undefined) return refuse(malformedRequest());
    const decision = decideGrant(directory(), form, now());
    if (isProblem(decision)) return refuse(decision);
    const claims = claimsOf(decision, now(), tokenLifetime);
    const accessToken = await (await this.#signer).sign(claims);
    const expiresIn = Math.floor(tokenLifetime / 1000);
    record('issued', 200);
    sendJson(response, 200, {
      token_type: 'Bearer',
      expires_in: expiresIn,
      ext_expires_in: expiresIn,
      ...(expiresIn >= 7200 && { refresh_in: Math.floor(expiresIn / 2) }),
      access_token: accessToken,
    });
  }
}

function decodePathSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment; // not percent-encoded after all: it will match no tenant
  }
}
