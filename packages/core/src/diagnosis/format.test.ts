import { expect, test } from 'vitest';
import { AuthenticationError, ConnectionError, LimitError } from '../errors.ts';
import { AADSTS_CATALOGUE, OTHER_ENTRIES, REPLY_CATALOGUE } from './catalogue.ts';
import { explain, explainHveBilling } from './explain.ts';
import { explanationOf } from './explanation.ts';
import { formatExplanation } from './format.ts';

const DISABLED =
  '530 5.7.57 Client not authenticated to send mail. Error: 535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information. [PN0PR01CA0035.INDPRD01.PROD.OUTLOOK.COM 2026-09-25T06:07:08.910Z 08DF0A1B2C3D4E5F]';

test('reads well at night: a refused login', () => {
  expect(formatExplanation(explain(DISABLED, { values: { mailbox: 'noreply@contoso.com' } }))).toBe(
    `
SMTP AUTH is off in this tenant, and the mailbox has no exception
[smtp-auth-disabled-tenant]

What happened The server answered: 530 5.7.57, and in it 535 5.7.139
              Authentication unsuccessful, SmtpClientAuthentication is disabled
              for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more
              information.
Why           Exchange Online forbids SMTP AUTH for the whole tenant unless a
              mailbox is exempted; logging in with OAuth needs the exemption as
              well.
What to do    Switch SMTP AUTH on for this one mailbox and leave the tenant
              closed. It takes from some minutes up to an hour.
In PowerShell Set-CASMailbox -Identity noreply@contoso.com \`
                -SmtpClientAuthenticationDisabled $false
Or go to      Microsoft 365 admin center > Active users > the mailbox > Mail >
              Manage email apps > Authenticated SMTP
Trying again  Does not help until something is changed.
For support   server PN0PR01CA0035.INDPRD01.PROD.OUTLOOK.COM,
              2026-09-25T06:07:08.910Z, session 08DF0A1B2C3D4E5F
Known from    email-oauth2-proxy issue 193 (as of 2026-11-20)
              https://github.com/simonrob/email-oauth2-proxy/issues/193
`.trim(),
  );
});

test('reads well at night: a secret that expired', () => {
  const description =
    "AADSTS7000222: The provided client secret keys for app '7146a1f0-8703-45b3-9eae-527a64c00995' are expired. Trace ID: 0b1c2d3e-0000-4000-8000-000000000001 Correlation ID: 0b1c2d3e-0000-4000-8000-000000000002 Timestamp: 2026-11-20 18:52:07Z";
  expect(formatExplanation(explain({ status: 401, error: 'invalid_client', description }))).toBe(
    `
The client secret has expired
[entra-secret-expired]

What happened The token endpoint answered 401 invalid_client AADSTS7000222: The
              provided client secret keys for app
              '7146a1f0-8703-45b3-9eae-527a64c00995' are expired.
Why           Client secrets end after at most 24 months, and Microsoft sends no
              warning.
What to do    Make a new secret, put its value into the settings, and note its
              end. A certificate or federated credential saves the exercise.
Or go to      Entra admin center > App registrations > Certificates & secrets >
              New client secret
Trying again  Does not help until something is changed.
For support   trace id 0b1c2d3e-0000-4000-8000-000000000001
              correlation id 0b1c2d3e-0000-4000-8000-000000000002
              time 2026-11-20 18:52:07Z
              https://login.microsoftonline.com/error?code=7000222
Known from    Microsoft Learn: Microsoft Entra authentication and authorization
              error codes (as of 2026-11-20)
              https://learn.microsoft.com/entra/identity-platform/reference-error-codes
`.trim(),
  );
});

test('reads well at night: a suspended mailbox, for one model', () => {
  const reply = { code: 430, status: '4.2.0', lines: ['4.2.0 STOREDRV; mailbox logon failure'] };
  const cause = new AuthenticationError('XOAUTH2', reply, { stage: 'message' });
  const error = new LimitError('ERR_MAILER_SUSPENDED', 'x', { cause, retryAfter: 1_500_000 });
  expect(formatExplanation(explain(error, { model: 'app-rbac' }))).toBe(
    `
Exchange took the login but may not open the mailbox
[smtp-mailbox-logon-failed]

What happened Nothing is sent from this mailbox for another 25 minutes; the
              reason:
              The server answered (at message): 430 4.2.0 STOREDRV; mailbox
              logon failure
Why           The application has no right on the mailbox, the right is not in
              force yet, or the token carries SMTP.SendAsApp although App RBAC
              is used. Exchange says so only after the message.
What to do    If the right was given less than two hours ago, wait. Otherwise go
              through the list; the code looks temporary but does not pass by
              itself.
Check         1.  Exchange has the object id of the enterprise application (the
                  token's oid). Exchange accepts a wrong one without complaint;
                  it cannot be changed, only removed and made anew.
                  Get-ServicePrincipal | Where-Object AppId -eq '<client id>' \`
                    | Format-List AppId, ObjectId
              2.  App RBAC: remove SMTP.SendAsApp and its consent from the app
                  registration. With it in the token Exchange also asks for
                  FullAccess.
              3.  App RBAC: the mailbox is in the scope of the role (InScope is
                  True).
                  Test-ServicePrincipalAuthorization -Identity '<object id>' \`
                    -Resource <mailbox> | Format-Table RoleName, InScope
Trying again  Helps only if something was changed just now: after 25 minutes,
              then less often, up to 30 minutes apart. After 2 hours somebody
              has to act.
Known from    Seen on live app-only relays, reported by several (as of
              2026-11-20)
`.trim(),
  );
});

test('a lost answer is said to be one', () => {
  const error = new ConnectionError('ERR_SMTP_CLOSED', 'x', { stage: 'message', mayHaveBeenSent: true });
  expect(formatExplanation(explain(error)).replaceAll(/\s+/g, ' ')).toContain('Sending it again may deliver it twice.');
});

test('the system, HVE billing and a stage alone are told', () => {
  const cause = Object.assign(new Error('x'), { code: 'ECONNREFUSED' });
  expect(
    formatExplanation(explain(new ConnectionError('ERR_SMTP_CONNECT', 'x', { cause, stage: 'connect' }))),
  ).toContain('The system said ECONNREFUSED (at connect).');
  const billing = explainHveBilling('BillingPolicyNotFound');
  expect(billing && formatExplanation(billing)).toContain('BillingPolicyNotFound');
  expect(formatExplanation(explain(new ConnectionError('ERR_SMTP_TIMEOUT', 'x', { stage: 'EHLO' })))).toContain(
    'It happened at EHLO.',
  );
});

const ENTRIES = [...REPLY_CATALOGUE, ...AADSTS_CATALOGUE, ...OTHER_ENTRIES];

test.each(ENTRIES.map((entry) => [entry.id, entry] as const))('%s fits 80 columns, web addresses apart', (_, entry) => {
  const explanation = explanationOf(entry, { class: 'class' in entry ? entry.class : 'admin' }, {}, {});
  for (const line of formatExplanation(explanation).split('\n')) {
    if (!line.includes('https://')) expect(line.length, line).toBeLessThanOrEqual(80);
    expect(line).toMatch(/^\P{Cc}*$/u);
    expect(line).toBe(line.trimEnd());
  }
});

test('other widths are kept, and none is too narrow to read', () => {
  const explanation = explain(DISABLED);
  for (const width of [60, 100]) {
    for (const line of formatExplanation(explanation, { width }).split('\n')) {
      if (!line.includes('https://')) expect(line.length).toBeLessThanOrEqual(width);
    }
  }
  expect(formatExplanation(explanation, { width: 0 })).toBe(formatExplanation(explanation, { width: 40 }));
});
