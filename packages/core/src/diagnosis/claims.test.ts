import { expect, test } from 'vitest';
import { checkClaims, type ClaimCheck, type ClaimOptions, type Claims } from './claims.ts';

const TENANT = '11111111-2222-4333-8444-555555555555';
const CLIENT = '66666666-7777-4888-8999-aaaaaaaaaaaa';
const OBJECT = 'bbbbbbbb-cccc-4ddd-8eee-ffffffffffff';
const NOW = Date.UTC(2026, 10, 20, 12);
const SECONDS = NOW / 1000;

const BASE = {
  tid: TENANT,
  appid: CLIENT,
  oid: OBJECT,
  nbf: SECONDS - 300,
  exp: SECONDS + 3600,
  appidacr: '2',
  ver: '1.0',
};
const GOOD: Readonly<Record<ClaimOptions['model'], Claims>> = {
  'app-permission': { ...BASE, aud: 'https://outlook.office365.com', roles: ['SMTP.SendAsApp'], idtyp: 'app' },
  'app-rbac': { ...BASE, aud: 'https://outlook.office365.com', idtyp: 'app' },
  hve: { ...BASE, aud: 'https://outlook.office.com', roles: ['Mail.Send'], idtyp: 'app' },
  delegated: {
    ...BASE,
    aud: 'https://outlook.office.com',
    scp: 'SMTP.Send IMAP.AccessAsUser.All',
    upn: 'noreply@contoso.com',
    idtyp: 'user',
    appidacr: '0',
  },
};
const OPTIONS = { tenantId: TENANT, clientId: CLIENT, user: 'NoReply@contoso.com', now: NOW };
const MODELS = ['app-permission', 'app-rbac', 'hve', 'delegated'] as const;

function finding(check: ClaimCheck, model: ClaimOptions['model'], claims: Claims, options: Partial<ClaimOptions> = {}) {
  const all = checkClaims({ ...GOOD[model], ...claims }, { ...OPTIONS, model, ...options });
  return all.find((each) => each.check === check);
}

test.each(MODELS)('a good token of %s has nothing to complain about', (model) => {
  const findings = checkClaims(GOOD[model], { ...OPTIONS, model });
  expect(findings.map(({ check }) => check)).toEqual([
    'format',
    'audience',
    'tenant',
    'application',
    'roles',
    'scopes',
    'kind',
    'user',
    'lifetime',
    'clock',
    'credential',
    'object-id',
  ]);
  expect(findings.filter(({ result }) => result === 'warning' || result === 'failed')).toEqual([]);
  for (const { text } of findings) expect(text).toMatch(/^[A-Z].*\.$/);
});

test('a token that cannot be read is normal for a person and wrong for an application', () => {
  expect(checkClaims(undefined, { model: 'delegated', now: NOW })).toMatchObject([
    { check: 'format', result: 'skipped' },
  ]);
  expect(checkClaims(undefined, { model: 'app-rbac', now: NOW })).toMatchObject([
    { check: 'format', result: 'failed' },
  ]);
});

test.each(MODELS)('a token of %s for Microsoft Graph fails, and says which scope to ask for', (model) => {
  for (const aud of [
    'https://graph.microsoft.com',
    'https://graph.microsoft.com/',
    '00000003-0000-0000-c000-000000000000',
  ]) {
    const found = finding('audience', model, { aud });
    expect(found?.result).toBe('failed');
    expect(found?.text).toMatch(/Microsoft Graph.*https:\/\/outlook\.office/);
  }
});

test.each([
  ['app-permission', 'https://outlook.office365.com/', 'ok'],
  ['app-permission', '00000002-0000-0ff1-ce00-000000000000', 'ok'],
  ['app-permission', 'https://outlook.office365.us', 'ok'],
  ['app-permission', 'https://outlook.office.com', 'warning'],
  ['hve', 'https://outlook.office365.com', 'warning'],
  ['delegated', 'https://outlook.office365.com', 'ok'],
  ['delegated', 'https://example.com', 'failed'],
  ['delegated', undefined, 'failed'],
] as const)('%s with audience %s: %s', (model, aud, result) => {
  expect(finding('audience', model, { aud })?.result).toBe(result);
});

test('another cloud can name its audience', () => {
  const aud = 'https://mail.sovereign.example';
  expect(finding('audience', 'app-rbac', { aud })?.result).toBe('failed');
  expect(finding('audience', 'app-rbac', { aud }, { audiences: [aud] })?.result).toBe('ok');
});

test('the tenant is compared where it can be', () => {
  expect(finding('tenant', 'app-rbac', { tid: TENANT.toUpperCase() })?.result).toBe('ok');
  expect(finding('tenant', 'app-rbac', { tid: CLIENT })?.result).toBe('failed');
  expect(finding('tenant', 'app-rbac', {}, { tenantId: 'contoso.onmicrosoft.com' })?.result).toBe('skipped');
  expect(finding('tenant', 'app-rbac', {}, { tenantId: undefined })?.result).toBe('skipped');
  const personal = { tid: '9188040d-6c67-4c5b-b112-36a304b66dad' };
  expect(finding('tenant', 'delegated', personal)?.result).toBe('ok');
  expect(finding('tenant', 'app-permission', personal)?.result).toBe('failed');
});

test('the application is read from version 1 and version 2 tokens', () => {
  expect(finding('application', 'app-rbac', { appid: undefined, azp: CLIENT })?.result).toBe('ok');
  expect(finding('application', 'app-rbac', { appid: OBJECT })?.result).toBe('failed');
  expect(finding('application', 'app-rbac', {}, { clientId: undefined })?.result).toBe('skipped');
});

test('the application permission needs the role that App RBAC must not have', () => {
  expect(finding('roles', 'app-permission', { roles: undefined })?.result).toBe('failed');
  expect(finding('roles', 'app-permission', { roles: ['IMAP.AccessAsApp'] })?.text).toContain('IMAP.AccessAsApp');
  expect(finding('roles', 'app-rbac', { roles: undefined })?.result).toBe('ok');
  expect(finding('roles', 'app-rbac', { roles: ['SMTP.SendAsApp'] })?.result).toBe('warning');
  expect(finding('roles', 'hve', { roles: ['SMTP.SendAsApp'] })?.result).toBe('failed');
  expect(finding('roles', 'hve', { roles: undefined, scp: 'Mail.Send' })?.result).toBe('skipped');
  expect(finding('roles', 'delegated', { roles: ['SMTP.SendAsApp'] })?.result).toBe('warning');
});

test('scopes belong to users', () => {
  expect(finding('scopes', 'app-permission', { scp: 'SMTP.Send' })?.result).toBe('failed');
  expect(finding('scopes', 'app-rbac', { scp: 'SMTP.Send' })?.result).toBe('failed');
  expect(finding('scopes', 'hve', { scp: 'Mail.Send' })?.result).toBe('ok');
  expect(finding('scopes', 'hve', { scp: 'SMTP.Send' })?.result).toBe('failed');
  expect(finding('scopes', 'delegated', { scp: 'IMAP.AccessAsUser.All' })).toMatchObject({ result: 'failed' });
  expect(finding('scopes', 'delegated', { scp: 'SMTP.SendX' })?.result).toBe('failed');
  expect(finding('scopes', 'delegated', { scp: undefined })?.text).toContain('none');
});

test('the kind of token counts where it is said, and its absence proves nothing', () => {
  expect(finding('kind', 'app-rbac', { idtyp: 'user' })?.result).toBe('failed');
  expect(finding('kind', 'delegated', { idtyp: 'app' })?.result).toBe('failed');
  expect(finding('kind', 'app-rbac', { idtyp: undefined })?.result).toBe('skipped');
});

test('the wrong account at sign-in is noticed', () => {
  const found = finding('user', 'delegated', { upn: 'admin@contoso.com' });
  expect(found).toMatchObject({ result: 'warning', text: expect.stringContaining('admin@contoso.com') });
  expect(found?.text).toContain('shared mailbox');
  expect(finding('user', 'app-rbac', {})?.result).toBe('skipped');
  expect(finding('user', 'delegated', { upn: undefined, preferred_username: 'noreply@contoso.com' })?.result).toBe(
    'ok',
  );
  const personal = {
    tid: '9188040d-6c67-4c5b-b112-36a304b66dad',
    upn: 'x@y.z',
    preferred_username: 'noreply@contoso.com',
  };
  expect(finding('user', 'delegated', personal)?.result).toBe('ok');
});

test.each([
  ['app-rbac', -1, 'failed'],
  ['app-rbac', 0, 'failed'],
  ['app-rbac', 599, 'warning'],
  ['app-rbac', 601, 'ok'],
  ['hve', 1199, 'warning'],
  ['hve', 1201, 'ok'],
] as const)('a token of %s with %d seconds left: %s', (model, left, result) => {
  expect(finding('lifetime', model, { exp: SECONDS + left })?.result).toBe(result);
});

test('the margin can be set', () => {
  expect(finding('lifetime', 'hve', { exp: SECONDS + 120 }, { margin: 60_000 })?.result).toBe('ok');
  expect(finding('lifetime', 'hve', { exp: undefined })?.result).toBe('warning');
});

test('a clock that is wrong is noticed by the token or by a server', () => {
  expect(finding('clock', 'app-rbac', { nbf: SECONDS + 600 })).toMatchObject({
    result: 'warning',
    text: 'The clock of this machine is at least 10 minutes behind.',
  });
  expect(finding('clock', 'app-rbac', {}, { clockSkew: 180_000 })?.text).toContain('3 minutes behind');
  expect(finding('clock', 'app-rbac', {}, { clockSkew: -180_000 })?.text).toContain('3 minutes ahead');
  expect(finding('clock', 'app-rbac', { nbf: undefined })?.result).toBe('skipped');
});

test('the credential that was really used is told', () => {
  expect(finding('credential', 'app-rbac', { appidacr: '1' })?.text).toContain('secret');
  expect(finding('credential', 'app-rbac', { appidacr: undefined, azpacr: '2' })?.text).toContain('certificate');
  expect(finding('credential', 'app-rbac', { appidacr: '0' })?.result).toBe('warning');
});

test('the object id Exchange needs is read from the token, with the command that uses it', () => {
  expect(finding('object-id', 'app-rbac', {})?.command).toBe(
    `New-ServicePrincipal -AppId '${CLIENT}' -ObjectId '${OBJECT}' -DisplayName 'SMTP OAuth'`,
  );
  expect(finding('object-id', 'hve', {})?.command).toBe(`Add-HVEAppAccess -Identity <hve account> -AppIds '${OBJECT}'`);
  expect(finding('object-id', 'delegated', {})).not.toHaveProperty('command');
  expect(finding('object-id', 'app-rbac', { oid: "x'; Remove-Mailbox y" })).not.toHaveProperty('command');
  expect(finding('object-id', 'app-rbac', { appid: "x'; Remove-Mailbox y" })?.command).toContain("'<client id>'");
});

test('claims of any shape give findings, without control characters and without what looks like a secret', () => {
  const odd = ['\x1b[2Jred\r\n', 'eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9', 17, null, {}, [[]], ['\x00'], true];
  for (const value of odd) {
    for (const model of MODELS) {
      const claims = Object.fromEntries(
        ['aud', 'tid', 'appid', 'roles', 'scp', 'idtyp', 'exp', 'nbf', 'appidacr', 'oid', 'upn'].map((name) => [
          name,
          value,
        ]),
      );
      const text = JSON.stringify(checkClaims({ ...claims, upn: undefined }, { ...OPTIONS, model }));
      expect(text).not.toContain('eyJ0eXAi');
      for (const found of checkClaims(claims, { ...OPTIONS, model })) expect(found.text).toMatch(/^\P{Cc}*$/u);
    }
  }
});
