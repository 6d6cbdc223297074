// An app of one tenant that is to send from a mailbox in another: the link, and the judgement of what comes back.
import { expect, test } from 'vitest';
import { adminConsentUrl, parseAdminConsent } from '../src/index.ts';

const clientId = '22222222-2222-4222-8222-222222222222';
const tenant = '55555555-5555-4555-8555-555555555555';
const redirectUri = 'https://app.example/consented';

test('the link asks for what is registered, with a state nobody can guess', () => {
  const { url, state } = adminConsentUrl({ clientId, redirectUri });
  const { origin, pathname, searchParams } = new URL(url);
  expect(origin + pathname).toBe('https://login.microsoftonline.com/organizations/v2.0/adminconsent');
  expect(Object.fromEntries(searchParams)).toEqual({
    client_id: clientId,
    scope: 'https://outlook.office365.com/.default',
    redirect_uri: redirectUri,
    state,
  });
  expect(state).toMatch(/^[\w-]{32}$/);
  expect(adminConsentUrl({ clientId, redirectUri }).state).not.toBe(state);
});

test('the link may be for a tenant, a cloud, a provider and a state', () => {
  const options = { clientId, redirectUri, tenantId: tenant, state: 'mine' };
  expect(adminConsentUrl({ ...options, cloud: 'usgov' }).url).toMatch(
    `https://login.microsoftonline.us/${tenant}/v2.0/adminconsent`,
  );
  expect(new URL(adminConsentUrl({ ...options, provider: 'hve' }).url).searchParams.get('scope')).toBe(
    'https://outlook.office.com/.default',
  );
  expect(adminConsentUrl(options).state).toBe('mine');
});

const callback = (parameters: Record<string, string>) =>
  `/consented?${new URLSearchParams({ state: 'mine', ...parameters }).toString()}`;

test('a yes names the tenant the token is then to come from', () => {
  const url = callback({ admin_consent: 'True', tenant, scope: 'https://outlook.office365.com/.default' });
  const consent = { tenantId: tenant, scope: 'https://outlook.office365.com/.default' };
  expect(parseAdminConsent(url, { state: 'mine' })).toEqual(consent);
  expect(parseAdminConsent(new URL(url, redirectUri), { state: 'mine', tenantId: tenant.toUpperCase() })).toEqual(
    consent,
  );
});

test('a no is an error in the words of Entra, control characters shown', () => {
  const error_description = 'AADSTS65004: User declined to consent to access the app.\r\n\u001b[31mred';
  const url = callback({ error: 'access_denied', error_description });
  expect(() => parseAdminConsent(url, { state: 'mine' })).toThrow(
    expect.objectContaining({
      code: 'ERR_OAUTH_REFUSED',
      error: 'access_denied',
      aadsts: 65_004,
      description: expect.not.stringMatching(/\p{Cc}/u),
    }),
  );
});

test.for([
  ['of another request', { admin_consent: 'True', tenant, state: 'theirs' }, 'another request'],
  ['of another request, with an error', { error: 'access_denied', state: 'theirs' }, 'another request'],
  ['without a state', { admin_consent: 'True', tenant, state: '' }, 'no state'],
  ['without a yes', { tenant }, 'nothing of an admin consent'],
  ['without a tenant', { admin_consent: 'True' }, 'names no tenant'],
  ['with a tenant that is none', { admin_consent: 'True', tenant: '../evil' }, 'names no tenant'],
  ['of another tenant', { admin_consent: 'True', tenant: clientId }, 'consented, not'],
] as const)('a callback %s is refused', ([, parameters, message]) => {
  expect(() => parseAdminConsent(callback(parameters), { state: 'mine', tenantId: tenant })).toThrow(
    expect.objectContaining({ code: 'ERR_OAUTH_CALLBACK', message: expect.stringContaining(message) }),
  );
});

test('a link that cannot work is not made', () => {
  const refused = { code: 'ERR_INPUT_OPTION' };
  expect(() => adminConsentUrl({ clientId, redirectUri, tenantId: 'common' })).toThrow(
    expect.objectContaining(refused),
  );
  expect(() => adminConsentUrl({ clientId, redirectUri: 'http://app.example/' })).toThrow(
    expect.objectContaining(refused),
  );
  expect(() => adminConsentUrl({ clientId, redirectUri, state: '' })).toThrow(expect.objectContaining(refused));
});
