import { beforeAll, describe, expect, test } from 'vitest';
import { type AppOptions, createSandbox, type IdentityProvider, type Sandbox } from '../src/index.ts';
import { assertionFields, type ClientCertificate, createCertificate } from './certificates.ts';
import { mailer, requestToken } from './clients.ts';
import { claimsOf, numberOf } from './grants.ts';

const NOW = Date.parse('2026-11-20T10:00:00Z');
const sandboxWith = (app: AppOptions) => createSandbox({ now: () => NOW, tenants: [{ apps: [app] }] });
const context = ({ clientId, tokenEndpoint: endpoint }: Sandbox) => ({ clientId, endpoint, now: NOW });

describe('a certificate', () => {
  let rsa: ClientCertificate;
  let ec: ClientCertificate;
  let other: ClientCertificate;
  let expired: ClientCertificate;
  beforeAll(async () => {
    const year = NOW + 365 * 86_400_000;
    [rsa, ec, other, expired] = await Promise.all([
      createCertificate('rsa', year),
      createCertificate('ec', year),
      createCertificate('ec', year),
      createCertificate('ec', NOW - 1),
    ]);
  });

  test('stands in for a secret: PS256, RS256 and ES256, by x5t#S256, x5t or x5c', async () => {
    await using sandbox = await sandboxWith({ certificates: [ec.pem, rsa.pem] });
    const headers: [ClientCertificate, Record<string, unknown>][] = [
      [rsa, { 'x5t#S256': rsa.sha256 }],
      [rsa, { alg: 'RS256', x5t: rsa.sha1 }],
      [rsa, { 'x5t#S256': rsa.sha256, x5c: [rsa.der.toString('base64')] }],
      [ec, { x5c: [ec.der.toString('base64')] }],
    ];
    for (const [certificate, header] of headers) {
      const answer = await requestToken(sandbox, await assertionFields(context(sandbox), certificate, header));
      expect(answer).toMatchObject({ status: 200 });
      expect(claimsOf(answer.body['access_token'])).toMatchObject({ appidacr: '2', idtyp: 'app' });
    }
    expect(sandbox.tokenRequests.at(-1)).toMatchObject({ credential: 'assertion' });
    const fields = await assertionFields(context(sandbox), rsa, undefined, {
      aud: `https://login.microsoftonline.com/${sandbox.tenantId}/v2.0`,
    });
    expect((await requestToken(sandbox, fields)).status).toBe(200);
  });

  type Case = [
    what: string,
    number: number,
    text: string,
    header: () => Record<string, unknown>,
    claims?: Record<string, unknown>,
    by?: () => ClientCertificate,
  ];
  const seconds = NOW / 1000;
  const good = () => ({ 'x5t#S256': ec.sha256 });
  test.for<Case>([
    ['is not registered', 700027, 'The key was not found.', () => ({ 'x5t#S256': other.sha256 }), {}, () => other],
    [
      'is named by a thumbprint with colons',
      700027,
      'The key was not found.',
      () => ({ 'x5t#S256': Buffer.from('AB:CD').toString('base64url') }),
    ],
    ['is not named', 700027, 'The key was not found.', () => ({})],
    ['has expired', 700027, 'The key used is expired.', () => ({ 'x5t#S256': expired.sha256 }), {}, () => expired],
    ['is not the one that signed', 700027, 'did not match the expected signature value', good, {}, () => other],
    [
      'comes with a chain of another',
      700027,
      'The key was not found.',
      () => ({ ...good(), x5c: [other.der.toString('base64')] }),
    ],
    ['signed two thumbprints that differ', 700027, 'The key was not found.', () => ({ ...good(), x5t: other.sha1 })],
    ['signed for another audience', 700023, 'audience claim does not match', good, { aud: 'https://elsewhere.test/' }],
    [
      'signed too long ago',
      700024,
      'Current time: 2026-11-20T10:00:00.000Z, assertion valid from',
      good,
      { nbf: seconds - 1200, exp: seconds - 600 },
    ],
    ['signed for later', 700024, 'not within its valid time range', good, { nbf: seconds + 600 }],
    ['signed without an end', 700024, 'not within its valid time range', good, { exp: undefined }],
    ['signed for another app', 700021, "doesn't match 'client_id'", good, { iss: 'other', sub: 'other' }],
    ['signed for somebody else', 50048, 'Subject must match Issuer', good, { sub: 'other' }],
    ['signed without an id', 50027, 'invalid or malformed', good, { jti: undefined }],
  ])('that %s is refused', async ([, number, text, header, claims = {}, by = () => ec]) => {
    await using sandbox = await sandboxWith({ certificates: [ec.pem, expired.pem] });
    const fields = await assertionFields(context(sandbox), by(), header(), claims);
    const answer = await requestToken(sandbox, fields);
    expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_client', error_codes: [number] } });
    expect(answer.body['error_description']).toContain(text);
  });

  test('is asked for in the right form', async () => {
    await using sandbox = await sandboxWith({ certificates: [ec.pem] });
    const fields = await assertionFields(context(sandbox), ec);
    expect(numberOf(await requestToken(sandbox, { ...fields, client_assertion_type: undefined }))).toBe(900144);
    expect(numberOf(await requestToken(sandbox, { ...fields, client_assertion: 'x.y.z' }))).toBe(50027);
  });

  test('or a secret of an app that has neither is one too many', async () => {
    await using sandbox = await createSandbox({
      now: () => NOW,
      tenants: [{ apps: [{}, { clientId: '3f1d5a52-7f5e-4f0e-9a55-0c1f7c1f2b10', secrets: [] }] }],
    });
    const changes = { client_id: '3f1d5a52-7f5e-4f0e-9a55-0c1f7c1f2b10' };
    expect(numberOf(await requestToken(sandbox, changes))).toBe(700025);
  });
});

describe('a federated credential', () => {
  const issuer = 'https://token.actions.example.test';
  const subject = 'repo:contoso/mailer:ref:refs/heads/main';
  const fields = (assertion: string) => ({
    client_secret: undefined,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
  });

  test('lets an app in with the token of another issuer, and mail is accepted', async () => {
    await using sandbox = await sandboxWith({ federatedCredentials: [{ issuer, subject }] });
    const provider = await sandbox.entra.addIdentityProvider(issuer);
    const { body } = await requestToken(sandbox, fields(await provider.sign(subject)));
    await mailer(sandbox, String(body['access_token'])).sendMail({ from: sandbox.mailbox, to: 'a@example.com' });
    expect(sandbox.inbox.messages).toHaveLength(1);
  });

  type Case = [what: string, number: number, token: (provider: IdentityProvider, sandbox: Sandbox) => Promise<string>];
  test.for<Case>([
    ['an issuer with a slash more', 700211, (provider) => provider.sign(subject, { iss: `${issuer}/` })],
    ['a subject in another case', 700213, (provider) => provider.sign(subject.toUpperCase())],
    ['another audience', 700212, (provider) => provider.sign(subject, { aud: 'api://other' })],
    ['a stale token', 700024, (provider) => provider.sign(subject, { exp: NOW / 1000 - 600 })],
    [
      'a key of somebody else',
      50013,
      async (_, sandbox) => (await sandbox.entra.addIdentityProvider('https://b.test')).sign(subject, { iss: issuer }),
    ],
  ])('is refused for %s', async ([, number, token]) => {
    await using sandbox = await sandboxWith({ federatedCredentials: [{ issuer, subject }] });
    const provider = await sandbox.entra.addIdentityProvider(issuer);
    const answer = await requestToken(sandbox, fields(await token(provider, sandbox)));
    expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_client', error_codes: [number] } });
  });

  test('is refused where the app has none', async () => {
    await using sandbox = await sandboxWith({});
    const provider = await sandbox.entra.addIdentityProvider(issuer);
    expect(numberOf(await requestToken(sandbox, fields(await provider.sign(subject))))).toBe(70025);
  });
});
