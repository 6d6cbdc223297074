// The answer to a sign-in as a form that its page posts to the app (OAuth 2.0 Form Post Response Mode).
import { expect, test } from 'vitest';
import { createSandbox } from '../src/index.ts';
import { ask, authorizeUrl, REDIRECT } from './grants.ts';

const formOf = (html: string) => ({
  action: /<form method="post" action="([^"]*)">/.exec(html)?.[1],
  fields: Object.fromEntries(
    [...html.matchAll(/name="([^"]*)" value="([^"]*)"/g)].map(([, name, value]) => [name, value]),
  ),
});

test('by hand: where the form goes and what is in it, and the code in it is good', async () => {
  await using sandbox = await createSandbox();
  const { url, verifier } = authorizeUrl(sandbox, { response_mode: 'form_post' });
  const form = sandbox.entra.signInForm(url, { as: sandbox.mailbox });
  expect(form).toEqual({
    url: REDIRECT,
    fields: { code: expect.stringMatching(/^1\./), state: 'the state', session_state: expect.any(String) },
  });
  const { status } = await ask(sandbox, {
    grant_type: 'authorization_code',
    code: form.fields['code'],
    redirect_uri: REDIRECT,
    code_verifier: verifier,
  });
  expect(status).toBe(200);
});

test('in the browser: a page that posts at once, by the one script it allows, or by its button', async () => {
  await using sandbox = await createSandbox();
  const { url } = authorizeUrl(sandbox, { response_mode: 'form_post', state: '"><script>alert(1)</script>' });
  const page = await fetch(url, { method: 'POST', body: new URLSearchParams({ account: sandbox.mailbox }) });
  const html = await page.text();
  expect(formOf(html)).toMatchObject({ action: REDIRECT, fields: { code: expect.stringMatching(/^1\./) } });
  expect(html).not.toContain('<script>alert');
  expect(html).toContain('<button>Continue</button>');
  expect(page.headers.get('content-security-policy')).toMatch(/script-src 'sha256-[\w+/]{43}='/);
  expect(page.headers.get('cache-control')).toBe('no-store');
});

test('errors come the same way', async () => {
  await using sandbox = await createSandbox();
  const { url } = authorizeUrl(sandbox, { response_mode: 'form_post' });
  const declined = sandbox.entra.signInForm(url, {});
  expect(declined).toMatchObject({ url: REDIRECT, fields: { error: 'access_denied', state: 'the state' } });
  expect(() => sandbox.entra.signInForm(url, { as: 'ghost@contoso.com' })).toThrow('AADSTS50034');
});

test('an address where a form comes, and a form where an address comes, are the caller’s mistake', async () => {
  await using sandbox = await createSandbox();
  const choice = { as: sandbox.mailbox };
  const { url } = authorizeUrl(sandbox, { response_mode: 'form_post' });
  expect(() => sandbox.entra.signIn(url, choice)).toThrow('signInForm() returns it');
  expect(() => sandbox.entra.signInForm(authorizeUrl(sandbox).url, choice)).toThrow('signIn() returns it');
  const { url: odd } = authorizeUrl(sandbox, { response_mode: 'pigeon' });
  expect(sandbox.entra.signIn(odd, choice)).toContain('AADSTS90023');
});
