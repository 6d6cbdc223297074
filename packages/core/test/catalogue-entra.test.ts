// Every row and every number of the AADSTS catalogue: the sandbox's Entra refuses with it, the core sends, and what it throws
// is explained by that row, with the class that HTTP status and OAuth error decide.
import {
  AADSTS,
  type AppOptions,
  type ConditionalAccess,
  createSandbox,
  editTenant,
  type EnterpriseApp,
  type Sandbox,
  type SandboxOptions,
  type Tenant,
} from '@mailgrant/sandbox';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientCredentials, refreshToken, TokenEndpointError } from '../src/index.ts';
import { AADSTS_CATALOGUE, OTHER_ENTRIES } from '../src/diagnosis/index.ts';
import type { AADSTS as ROWS } from '../src/diagnosis/catalogue/aadsts.ts';
import { OAUTH_ERRORS } from '../src/diagnosis/catalogue/oauth.ts';
import { type Attempt, expectRow, explained, failure, inState } from './catalogue-meet.ts';

type Id = (typeof ROWS)[number]['id'];

/** The class of an OAuth error, from its row. */
const classOf = (error: string) => OTHER_ENTRIES.find(({ id }) => id === OAUTH_ERRORS[error])?.class;

const CLIENT = 'b1d6a5f0-3c1e-4d26-9a77-2f1f54a0c001';
const of = (app: AppOptions, tenant: object = {}): SandboxOptions => ({ tenants: [{ apps: [app], ...tenant }] });

/** A sandbox in that state, asked by the core with its settings changed like this. */
const asked =
  (
    options: SandboxOptions,
    change: (sandbox: Sandbox) => Partial<Parameters<typeof clientCredentials>[0]> = () => ({}),
  ) =>
  async (): Promise<unknown> => {
    await using sandbox = await createSandbox(options);
    const { tokenEndpoint, clientId, clientSecret, scope } = sandbox;
    const token = clientCredentials({ tokenEndpoint, clientId, clientSecret, scope, ...change(sandbox) });
    const attempt: Attempt = { mailer: { token } };
    return await failure(sandbox, attempt);
  };

const tenantOf =
  (name: string) =>
  ({ tokenEndpoint, tenantId }: Sandbox) => ({ tokenEndpoint: tokenEndpoint.replace(tenantId, name) });

const assertion = (claims: object) => () => ({
  clientSecret: undefined,
  clientAssertion: () => ['{"alg":"PS256"}', JSON.stringify(claims), 'signature'].map(encode).join('.'),
});
const encode = (part: string): string => Buffer.from(part).toString('base64url');

const SCOPE = 'https://outlook.office.com/SMTP.Send offline_access';
const CALLBACK = 'http://localhost/callback';
const DAY = 86_400_000;

/** A person signs in for the mailbox, then something changes, then the core sends with their refresh token. */
const signedIn =
  (change: (sandbox: Sandbox, clock: { now: number }) => void, options: SandboxOptions = {}) =>
  async (): Promise<unknown> => {
    const clock = { now: Date.now() };
    await using sandbox = await createSandbox({ ...options, now: () => clock.now });
    const { tokenEndpoint, clientId, clientSecret, mailbox, authority } = sandbox;
    const client = { client_id: clientId, redirect_uri: CALLBACK };
    const page = new URL(`${authority}/oauth2/v2.0/authorize`);
    page.search = new URLSearchParams({ ...client, response_type: 'code', scope: SCOPE }).toString();
    const code = new URL(sandbox.entra.signIn(page, { as: mailbox })).searchParams.get('code') ?? '';
    const form = { ...client, grant_type: 'authorization_code', client_secret: clientSecret, code };
    const answer = await fetch(tokenEndpoint, { method: 'POST', body: new URLSearchParams(form) });
    const { refresh_token: given } = (await answer.json()) as { refresh_token: string };
    change(sandbox, clock);
    const token = refreshToken({
      tokenEndpoint,
      clientId,
      clientSecret,
      refreshToken: given,
      onRotate: () => undefined,
    });
    return await failure(sandbox, { mailer: { token } });
  };

const tenantWith =
  (edit: (tenant: Tenant) => Partial<Tenant>) =>
  (sandbox: Sandbox): void =>
    sandbox.directory.update((directory) =>
      editTenant(directory, sandbox.tenantId, (tenant) => ({ ...tenant, ...edit(tenant) })),
    );

const policy = (users: ConditionalAccess['users']) =>
  tenantWith(({ conditionalAccess }) => ({ conditionalAccess: { ...conditionalAccess, users } }));

const enterpriseWith = (change: Partial<EnterpriseApp>) =>
  tenantWith(({ enterpriseApps }) => ({ enterpriseApps: enterpriseApps.map((app) => ({ ...app, ...change })) }));

/** Rows that are met in a sandbox that was told nothing but its state. */
const STATES: Readonly<Partial<Record<Id, () => Promise<unknown>>>> = {
  'entra-secret-expired': inState(of({ secrets: [{ value: 'expired', expiresAt: 0 }] })),
  'entra-secret-wrong': asked({}, () => ({ clientSecret: 'another' })),
  'entra-application-unknown': asked({}, () => ({ clientId: CLIENT })),
  'entra-application-disabled': inState(of({ signIn: false })),
  'entra-service-principal-missing': asked(
    {
      tenants: [{ apps: [{ clientId: CLIENT, multiTenant: true }] }, { domains: ['fabrikam.com'], apps: [] }],
    },
    tenantOf('fabrikam.com'),
  ),
  'entra-tenant-unknown': asked({}, tenantOf('fabrikam.com')),
  'entra-tenant-missing': asked({}, tenantOf('common')),
  'entra-resource-unknown': inState(of({}, { exchangeOnline: 'missing' })),
  'entra-exchange-disabled': inState(of({}, { exchangeOnline: 'disabled' })),
  'entra-blocked-by-policy': inState(of({}, { conditionalAccess: { apps: 'block' } })),
  'entra-scope-invalid': asked({}, () => ({ scope: 'https://outlook.office365.com/SMTP.SendAsApp' })),
  'entra-token-for-itself': asked({}, ({ clientId }) => ({ scope: `${clientId}/.default` })),
  'entra-assertion-unusable': asked({}, () => ({ clientSecret: undefined, clientAssertion: () => 'no-jwt' })),
  'entra-assertion-subject': asked({}, assertion({ iss: CLIENT, sub: 'another' })),
  'entra-assertion-signature': asked(of({ clientId: CLIENT }), assertion({ iss: CLIENT, sub: CLIENT })),
  'entra-federation-missing': asked({}, assertion({ iss: 'https://issuer.example', sub: 'job' })),
  'entra-federation-mismatch': asked(
    of({ federatedCredentials: [{ issuer: 'https://issuer.example', subject: 'Job' }] }),
    assertion({ iss: 'https://issuer.example', sub: 'job' }),
  ),
  'entra-public-client-secret': asked({ tenants: [{ apps: [{}, { clientId: CLIENT, secrets: [] }] }] }, () => ({
    clientId: CLIENT,
  })),
  'entra-grant-revoked': signedIn(({ entra, mailbox }) => entra.revokeSignIns(mailbox)),
  'entra-refresh-token-expired': signedIn((_, clock) => void (clock.now += 91 * DAY)),
  'entra-second-factor': signedIn(policy('mfa')),
  'entra-device-policy': signedIn(policy('compliant device')),
  'entra-user-not-assigned': signedIn(enterpriseWith({ assigned: [] })),
  'entra-consent-missing': signedIn(enterpriseWith({ scopes: [], consents: [] })),
  'entra-user-disabled': signedIn(
    tenantWith(({ users }) => ({ users: users.map((user) => ({ ...user, enabled: false })) })),
  ),
  'entra-account-deleted': signedIn(tenantWith(() => ({ users: [] }))),
};

const numbers = AADSTS_CATALOGUE.flatMap((entry) => entry.numbers.map((number) => [number, entry] as const));

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await createSandbox();
});
afterAll(async () => {
  await sandbox.close();
  process.stdout.write(
    `Catalogue of AADSTS: ${AADSTS_CATALOGUE.length} rows, all met by sending, ${Object.keys(STATES).length} of them by the state of the server; ${numbers.length} numbers said by Entra\n`,
  );
});

test('what the sandbox can refuse with and what the catalogue explains are the same numbers', () => {
  expect(new Set(AADSTS.keys())).toEqual(new Set(numbers.map(([number]) => number)));
});

describe('said by Entra', () => {
  test.for(numbers)('AADSTS%i', async ([number, entry]) => {
    sandbox.entra.next({ aadsts: number });
    const error = await failure(sandbox);
    expect(error).toBeInstanceOf(TokenEndpointError);
    expect(error).toMatchObject({ aadsts: number, traceId: expect.any(String), correlationId: expect.any(String) });
    const explanation = explained(error);
    expectRow(explanation, { ...entry, retry: {}, class: classOf(entry.error) ?? 'admin' });
    expect(explanation.facts).toMatchObject({ stage: 'token', oauth: { numbers: [number], hint: entry.retry } });
    // What the row suggests to people and what follows for the program do not contradict each other.
    if (entry.retry === 'yes') expect(explanation.class).toBe('transient');
    if (entry.retry === 'no') expect(explanation.class).toBe('admin');
  });
});

describe('brought about by the state of Entra', () => {
  test.for(Object.entries(STATES))('%s', async ([id, state]) => {
    const entry = AADSTS_CATALOGUE.find((one) => one.id === id);
    const error = await state();
    expect(error).toBeInstanceOf(TokenEndpointError);
    const { error: word } = error as TokenEndpointError;
    expectRow(explained(error), { ...entry, retry: {}, class: classOf(word ?? '') ?? 'admin' });
  });
});
