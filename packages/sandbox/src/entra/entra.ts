// Entra ID: its v2.0 endpoints over HTTP, and what a test does with it by hand.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createLocalJWKSet, type JWTVerifyGetKey } from 'jose';
import { type Directory, findApp, findEnterpriseApp, findTenant, findUser } from '../directory.ts';
import { sendJson } from '../http.ts';
import type { AuthorizeContext, SignInChoice } from './authorize.ts';
import { approveByHand, handleAuthorize, handleConsent, handleDevice, signInByHand } from './browser.ts';
import { CLOUDS } from './clouds.ts';
import { startDevice } from './device.ts';
import { discoveryOf } from './discovery.ts';
import { ENTRA_POINT, type EntraFault, type EntraFaults } from './fault.ts';
import { correlationIdOf, readForm } from './form.ts';
import type { Grant, GrantSettings } from './grant.ts';
import { answerIdentity, type IdentityEndpoint, type IdentityShape } from './managed-identity.ts';
import { type EntraProblem, isProblem, problem, problemBody } from './problem.ts';
import { EntraStore } from './store.ts';
import { answerToken, type TokenEndpoint, type TokenRequestRecord } from './token-endpoint.ts';
import { type ClaimChanges, claimsOf, createTokenSigner, type TokenSigner } from './tokens.ts';

export interface EntraOptions extends GrantSettings {
  readonly directory: () => Directory;
  readonly update: (edit: (directory: Directory) => Directory) => void;
  readonly now: () => number;
  /** Milliseconds an access token is good for. */
  readonly tokenLifetime: number;
  /** Milliseconds an authorization code is good for. */
  readonly codeLifetime: number;
  /** Milliseconds a device code is good for. */
  readonly deviceCodeLifetime: number;
  readonly faults: EntraFaults;
  /** What App Service's `X-IDENTITY-HEADER` has to be. */
  readonly identityHeader: string;
  /** Runs after each token request was recorded. */
  readonly onRequest: () => void;
}

/** For whom a token is made by hand. */
export interface IssueOptions {
  /** Id or domain; default: the first tenant. */
  readonly tenant?: string;
  /** Default: the tenant's first app. */
  readonly clientId?: string;
  /** Sign-in name, for a token in a user's name; default: the app's own. */
  readonly user?: string;
  /** Default `https://outlook.office365.com`. */
  readonly audience?: string;
  /** Milliseconds from now; default as configured. Negative: expired already. */
  readonly lifetime?: number;
  /** Claims to change, or with `undefined` to take out. */
  readonly claims?: ClaimChanges;
}

/** An issuer outside Entra whose tokens apps use in place of a secret: GitHub, Kubernetes, another cloud. */
export interface IdentityProvider {
  readonly issuer: string;
  /** A token of this issuer, good for ten minutes from the sandbox's now. */
  sign(subject: string, changes?: ClaimChanges): Promise<string>;
}

/** Where the machine asks for tokens of managed identities. */
const IDENTITY_PATHS: ReadonlyMap<string, IdentityShape> = new Map([
  ['/metadata/identity/oauth2/token', 'imds'],
  ['/msi/token', 'app-service'],
]);

/** A form that the page after a sign-in posts to the app. */
export interface SignInForm {
  readonly url: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** Entra ID as a test sees it. */
export class Entra {
  readonly #options: EntraOptions;
  readonly #store = new EntraStore();
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
    if (fault.aadsts !== undefined) problem(fault.aadsts); // known, or said here rather than in the middle of a request
    this.#options.faults.add(ENTRA_POINT, fault);
  }

  /** Forgets faults not used yet. */
  clear(): void {
    this.#options.faults.clear();
  }

  /** The keys tokens are signed with, as verifiers want them. */
  async keys(): Promise<JWTVerifyGetKey> {
    return createLocalJWKSet({ keys: [(await this.#signer).jwk] });
  }

  /**
   * Does what a person does in the browser at an authorize or admin consent URL, without a browser.
   * @returns the address the browser is sent to, with a code or an error in it
   * @throws Error with an AADSTS number where Entra shows a page and sends nobody anywhere
   */
  signIn(url: string | URL, choice: SignInChoice = {}): string {
    const { redirect, fields } = signInByHand(this.#browser(), String(url), choice);
    if (fields !== undefined) throw new TypeError('signIn(): the answer is a form to post; signInForm() returns it');
    return redirect;
  }

  /**
   * The same at an authorize URL with `response_mode=form_post`.
   * @returns what the browser posts to the app
   */
  signInForm(url: string | URL, choice: SignInChoice = {}): SignInForm {
    const { redirect, fields } = signInByHand(this.#browser(), String(url), choice);
    if (fields === undefined) throw new TypeError('signInForm(): the answer is an address; signIn() returns it');
    return { url: redirect, fields };
  }

  /**
   * Answers for the user code of a device; `{ consent: false }` declines.
   * @throws Error with an AADSTS number where the page would refuse
   */
  approveDevice(userCode: string, choice: SignInChoice): void {
    approveByHand(this.#browser(), userCode, choice);
  }

  /** Ends every sign-in of a user: their refresh tokens are refused with AADSTS50173. @throws TypeError for nobody */
  revokeSignIns(upn: string): void {
    const found = findUser(this.#options.directory(), upn);
    if (found === undefined) throw new TypeError(`revokeSignIns(): no user ${upn}`);
    this.#store.revoke(found.user.objectId);
  }

  /** Registers an issuer for federated credentials, with a key of its own. */
  async addIdentityProvider(issuer: string): Promise<IdentityProvider> {
    const { jwk, sign } = await createTokenSigner();
    this.#options.update((directory) => ({
      ...directory,
      issuers: [...directory.issuers, { issuer, keys: [jwk] }],
    }));
    return {
      issuer,
      sign: (subject, changes = {}) => {
        const seconds = Math.floor(this.#options.now() / 1000);
        const times = { iat: seconds, nbf: seconds, exp: seconds + 600 };
        return sign({
          iss: issuer,
          sub: subject,
          aud: CLOUDS.worldwide.federatedAudience,
          jti: randomUUID(),
          ...times,
          ...changes,
        });
      },
    };
  }

  /** A token signed by this Entra without any request, as a test wants it. */
  async issue({ tenant: name, clientId, user: upn, audience, lifetime, claims }: IssueOptions = {}): Promise<string> {
    const directory = this.#options.directory();
    const now = this.#options.now();
    const tenant = name === undefined ? directory.tenants[0] : findTenant(directory, name);
    const enterprise =
      clientId === undefined ? tenant?.enterpriseApps[0] : tenant && findEnterpriseApp(tenant, clientId);
    const app = enterprise && findApp(directory, enterprise.clientId);
    if (!tenant || !enterprise || !app) throw new TypeError('issue(): no such tenant, or no such app in it');
    const user = upn === undefined ? undefined : findUser(directory, upn)?.user;
    if (upn !== undefined && user === undefined) throw new TypeError(`issue(): no user ${upn}`);
    const resource = audience ?? CLOUDS[tenant.cloud].exchange[0];
    const scope = { resource, permissions: ['SMTP.Send'], openId: new Set<string>() };
    const signIn = {
      tenantId: tenant.id,
      clientId: app.clientId,
      scope,
      at: now,
      mfa: false,
      nonce: undefined,
    };
    const grant: Grant = {
      tenant,
      app,
      enterprise,
      audience: resource,
      proof: 'secret',
      roles: user === undefined ? enterprise.roles : [],
      ...(user && {
        delegated: {
          user,
          permissions: scope.permissions,
          scope,
          signIn: { ...signIn, user: user.objectId, password: user.password },
        },
      }),
    };
    const signer = await this.#signer;
    return signer.sign({ ...claimsOf(grant, now, lifetime ?? this.#options.tokenLifetime), ...claims });
  }

  /** Answers one HTTP request; `false` when the path is none of Entra's. */
  async handle(request: IncomingMessage, response: ServerResponse, url: URL): Promise<boolean> {
    const identity = IDENTITY_PATHS.get(url.pathname.replace(/\/$/, '')); // MSAL ends it with a slash
    if (identity !== undefined) {
      await answerIdentity(this.#endpoint(), request, response, url, identity);
      return true;
    }
    const [, tenant = '', ...rest] = url.pathname.split('/').map(decodePathSegment);
    switch (rest.join('/')) {
      case 'oauth2/v2.0/token':
        await answerToken(this.#endpoint(), request, response, url, tenant);
        return true;
      case 'oauth2/v2.0/authorize':
        await handleAuthorize(this.#browser(), request, response, url, tenant);
        return true;
      case 'oauth2/v2.0/devicecode':
        await this.#devicecode(request, response, url, tenant);
        return true;
      case 'v2.0/adminconsent':
        await handleConsent(this.#browser(), request, response, url, tenant);
        return true;
      case 'discovery/v2.0/keys':
        sendJson(response, 200, { keys: [(await this.#signer).jwk] });
        return true;
      case 'v2.0/.well-known/openid-configuration':
        sendJson(response, 200, discoveryOf(url.origin, tenant, findTenant(this.#options.directory(), tenant)));
        return true;
      case '':
        if (tenant !== 'devicelogin') return false;
        await handleDevice(this.#browser(), request, response, url);
        return true;
      default:
        return false;
    }
  }

  #browser(): AuthorizeContext {
    const { directory, update, now, codeLifetime } = this.#options;
    return { directory, update, now, codeLifetime, store: this.#store };
  }

  #endpoint(): TokenEndpoint & IdentityEndpoint {
    const { directory, now, tokenLifetime, faults, identityHeader, onRequest } = this.#options;
    const record = (entry: TokenRequestRecord): void => {
      this.#requests.push(entry);
      onRequest();
    };
    return {
      directory,
      now,
      tokenLifetime,
      faults,
      identityHeader,
      store: this.#store,
      settings: this.#options,
      signer: this.#signer,
      record,
    };
  }

  async #devicecode(request: IncomingMessage, response: ServerResponse, url: URL, tenant: string): Promise<void> {
    const { now, deviceCodeLifetime: lifetime, deviceCodeInterval: interval } = this.#options;
    const refuse = (refusal: EntraProblem): void =>
      sendJson(response, refusal.status, problemBody(refusal, now(), correlationIdOf(request)));
    if (request.method !== 'POST') return refuse(problem(900561, { method: request.method ?? '' }));
    const form = await readForm(request, url, tenant);
    if (form === undefined) return refuse(problem(9002313));
    const answer = startDevice(this.#browser(), form, { origin: url.origin, lifetime, interval });
    if (isProblem(answer)) return refuse(answer);
    sendJson(response, 200, answer);
  }
}

function decodePathSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment; // not percent-encoded after all: it will match no tenant
  }
}
