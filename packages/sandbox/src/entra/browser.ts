// What a browser gets from Entra: sign-in with a choice of accounts, consent, admin consent, device codes.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { findUser } from '../directory.ts';
import { readBody } from '../http.ts';
import { completeConsent, type ConsentRequest, readConsent } from './admin-consent.ts';
import {
  type AuthorizeContext,
  type AuthorizeOutcome,
  type AuthorizeRequest,
  completeAuthorize,
  readAuthorize,
  type Redirect,
  type SignInChoice,
  wantsConsent,
} from './authorize.ts';
import { answerDevice, type DeviceAnswer } from './device.ts';
import { type Choice, choicePage, codePage, messagePage, postPage, problemPage, sendPage } from './pages.ts';
import { type EntraProblem, isProblem, problem } from './problem.ts';

const COOKIE = 'mailgrant-sandbox-account';

/** Answers `authorize`. */
export async function handleAuthorize(
  context: AuthorizeContext,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  tenant: string,
): Promise<void> {
  const read = readAuthorize(context.directory(), tenant, url.searchParams);
  if (isOutcome(read)) return conclude(response, read);
  const posted = await choiceOf(request);
  const session = sessionOf(request);
  const choice: SignInChoice = posted ?? (session === undefined ? {} : { as: session });
  if (read.prompt === 'none') return conclude(response, completeAuthorize(context, read, choice));
  const silently = read.prompt === '' && (read.loginHint === undefined || same(read.loginHint, session));
  if (posted === undefined && !(silently && session !== undefined)) {
    return sendPage(response, 200, accountPage(context, read, `Sign in to ${read.app.name}`));
  }
  if (choice.as !== undefined && choice.consent === undefined && wantsConsent(context.directory(), read, choice.as)) {
    return sendPage(response, 200, consentPage(read.app.name, choice.as, read.scope.permissions.join(', ')));
  }
  conclude(response, completeAuthorize(context, read, choice), choice.as);
}

/** Answers `adminconsent`. */
export async function handleConsent(
  context: AuthorizeContext,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  tenant: string,
): Promise<void> {
  const read = readConsent(context.directory(), tenant, url.searchParams);
  if (isOutcome(read)) return conclude(response, read);
  const choice = await choiceOf(request);
  if (choice === undefined) {
    return sendPage(response, 200, accountPage(context, undefined, 'Permissions for your organization'));
  }
  if (choice.as !== undefined && choice.consent === undefined) {
    return sendPage(response, 200, consentPage('the app, for everyone', choice.as, read.scope));
  }
  conclude(response, completeConsent(read, context.update, choice), choice.as);
}

/** Answers the page where people type the code their device shows. */
export async function handleDevice(
  context: AuthorizeContext,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
): Promise<void> {
  const code = url.searchParams.get('code') ?? '';
  const device = context.store.userCode(code);
  if (code === '') return sendPage(response, 200, codePage('Enter the code shown on your device or app.'));
  if (device === undefined) return sendPage(response, 400, problemPage(problem(70018)));
  const choice = await choiceOf(request);
  if (choice === undefined) return sendPage(response, 200, accountPage(context, undefined, 'Sign in on your device'));
  const outcome = answerDevice(context, code, choice);
  if (typeof outcome === 'object') return sendPage(response, 400, problemPage(outcome));
  const said: Record<DeviceAnswer, string> = {
    approved: 'You have signed in on your device. You may now close this window.',
    declined: 'You did not sign in. You may now close this window.',
  };
  sendPage(response, 200, messagePage('Device', said[outcome]));
}

const isOutcome = (value: AuthorizeRequest | ConsentRequest | AuthorizeOutcome): value is AuthorizeOutcome =>
  'redirect' in value || 'page' in value;

function conclude(response: ServerResponse, outcome: AuthorizeOutcome, account?: string): void {
  if ('page' in outcome) return sendPage(response, 400, problemPage(outcome.page));
  if (account !== undefined) {
    response.setHeader('Set-Cookie', `${COOKIE}=${encodeURIComponent(account)}; Path=/; HttpOnly; SameSite=Lax`);
  }
  if (outcome.fields !== undefined) return sendPage(response, 200, postPage(outcome.redirect, outcome.fields));
  response.writeHead(302, { Location: outcome.redirect, 'Cache-Control': 'no-store' }).end();
}

/** What the form of a page said; `undefined` when none was sent. */
async function choiceOf(request: IncomingMessage): Promise<SignInChoice | undefined> {
  if (request.method !== 'POST') return undefined;
  const body = new URLSearchParams((await readBody(request, 65_536))?.toString('utf8') ?? '');
  const [as, consent] = [body.get('account'), body.get('consent')];
  return { ...(as !== null && { as }), ...(consent !== null && { consent: consent === 'yes' }) };
}

const same = (one: string, other: string | undefined): boolean => one.toLowerCase() === other?.toLowerCase();

function sessionOf(request: IncomingMessage): string | undefined {
  const cookie = (request.headers.cookie ?? '').split('; ').find((one) => one.startsWith(`${COOKIE}=`));
  // As a form field is read: what is not percent-encoded after all is no error.
  return cookie === undefined ? undefined : (new URLSearchParams(cookie).get(COOKIE) ?? undefined);
}

/** Every account there is: those of other tenants are a mistake people make, too. The hinted ones come first. */
function accountPage(context: AuthorizeContext, request: AuthorizeRequest | undefined, title: string): string {
  const { loginHint, domainHint } = request ?? {};
  const rank = (upn: string): number =>
    loginHint !== undefined && same(loginHint, upn)
      ? 0
      : domainHint !== undefined && upn.toLowerCase().endsWith(`@${domainHint.toLowerCase()}`)
        ? 1
        : 2;
  const accounts = context
    .directory()
    .tenants.flatMap(({ users, name }) => users.map((user) => ({ user, tenant: name })))
    .toSorted((one, other) => rank(one.user.upn) - rank(other.user.upn));
  const choices: Choice[] = accounts.map(({ user, tenant }) => ({
    label: user.upn,
    detail: [tenant, user.admin && 'administrator', !user.enabled && 'disabled'].filter(Boolean).join(', '),
    fields: { account: user.upn },
  }));
  return choicePage(title, 'Pick an account', [...choices, { label: 'Cancel', fields: { cancel: 'yes' } }]);
}

const consentPage = (app: string, account: string, permissions: string): string =>
  choicePage('Permissions requested', `${app} wants, for ${account}: ${permissions || 'its permissions'}`, [
    { label: 'Accept', fields: { account, consent: 'yes' } },
    { label: 'Cancel', fields: { account, consent: 'no' } },
  ]);

/** As `authorize` and `adminconsent` are answered, but for a person in a test. @throws Error where a page would say why */
export function signInByHand(context: AuthorizeContext, address: string, choice: SignInChoice): Redirect {
  const url = new URL(address);
  const [, tenant = '', ...rest] = url.pathname.split('/').map(decodeURIComponent);
  const path = rest.join('/');
  let outcome: AuthorizeOutcome;
  if (path === 'oauth2/v2.0/authorize') {
    const read = readAuthorize(context.directory(), tenant, url.searchParams);
    outcome = isOutcome(read) ? read : completeAuthorize(context, read, choice);
  } else if (path === 'v2.0/adminconsent') {
    const read = readConsent(context.directory(), tenant, url.searchParams);
    outcome = isOutcome(read) ? read : completeConsent(read, context.update, choice);
  } else {
    throw new TypeError(`signIn(): not a sign-in address: ${url.pathname}`);
  }
  if ('page' in outcome) throw shown(outcome.page);
  return outcome;
}

/** As the page for device codes. @throws Error where it would say why not */
export function approveByHand(context: AuthorizeContext, userCode: string, choice: SignInChoice): void {
  if (choice.as !== undefined && findUser(context.directory(), choice.as) === undefined) {
    throw shown(problem(50034, { user: choice.as, tenant: 'sandbox' }));
  }
  const outcome = answerDevice(context, userCode, choice);
  if (typeof outcome === 'object' && isProblem(outcome)) throw shown(outcome);
}

const shown = ({ number, text }: EntraProblem): Error => new Error(`AADSTS${number}: ${text}`);
