// Where the facts come from. Microsoft's pages change: each fact carries the date at which it was known to hold.

/** A document, thread or observation a statement rests on. */
export interface Source {
  /** What it is called. */
  readonly name: string;
  /** Where to read it, where it is public. */
  readonly url?: string;
  /** ISO 8601, to the day or, where only that is known, to the month. */
  readonly date: string;
}

const LEARN = 'https://learn.microsoft.com';
const GITHUB = 'https://github.com';

/** Everything the catalogues refer to, by key. */
export const SOURCES: Readonly<Record<string, Source>> = {
  'ms-oauth': {
    name: 'Microsoft Learn: Authenticate an IMAP, POP or SMTP connection using OAuth',
    url: `${LEARN}/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth`,
    date: '2026-06-19',
  },
  'ms-powershell': {
    name: 'Microsoft Learn: Exchange PowerShell reference',
    url: `${LEARN}/powershell/module/exchangepowershell/`,
    date: '2026-08-21',
  },
  'ms-submission': {
    name: 'Microsoft Learn: Improvements in SMTP AUTH client submission',
    url: `${LEARN}/exchange/troubleshoot/send-emails/smtp-submission-improvements`,
    date: '2026-11-20',
  },
  'ms-throttling': {
    name: 'Microsoft Learn: Continuous error throttling for SMTP AUTH submissions',
    url: `${LEARN}/exchange/mail-flow-best-practices/continuous-error-throttling-smtp-auth-submissions`,
    date: '2022-04',
  },
  'ms-ndr': {
    name: 'Microsoft Learn: Email non-delivery reports and SMTP errors in Exchange Online',
    url: `${LEARN}/troubleshoot/exchange/email-delivery/ndr/non-delivery-reports-in-exchange-online`,
    date: '2022-04',
  },
  'ms-devices': {
    name: 'Microsoft Learn: Fix issues with printers, scanners and LOB applications that send email',
    url: `${LEARN}/troubleshoot/exchange/email-delivery/fix-issues-with-printers-scanners-and-lob-applications-that-send-email-using-off`,
    date: '2026-11-20',
  },
  'ms-hve': {
    name: 'Microsoft Learn: Troubleshoot issues with High Volume Email',
    url: `${LEARN}/exchange/mail-flow-best-practices/troubleshoot-high-volume-email-m365`,
    date: '2026-04-07',
  },
  'ms-entra-errors': {
    name: 'Microsoft Learn: Microsoft Entra authentication and authorization error codes',
    url: `${LEARN}/entra/identity-platform/reference-error-codes`,
    date: '2026-11-20',
  },
  'ms-external-limit': { name: 'Microsoft 365 message center MC1023294', date: '2026-11-20' },
  'ms-basic-auth': { name: 'Microsoft 365 message center MC786329', date: '2026-01-27' },
  'hve-live': { name: 'Seen on a live HVE relay', date: '2026-11-20' },
  'app-relay': { name: 'Seen on live app-only relays, reported by several', date: '2026-11-20' },
  'send-as-transcript': {
    name: 'Public transcript, and gophish issue 2900',
    url: `${GITHUB}/gophish/gophish/issues/2900`,
    date: '2026-11-20',
  },
  'mailkit-566': { name: 'MailKit issue 566', url: `${GITHUB}/jstedfast/MailKit/issues/566`, date: '2026-11-20' },
  'mailkit-904': { name: 'MailKit issue 904', url: `${GITHUB}/jstedfast/MailKit/issues/904`, date: '2026-11-20' },
  'mailkit-1106': { name: 'MailKit issue 1106', url: `${GITHUB}/jstedfast/MailKit/issues/1106`, date: '2026-11-20' },
  'mailkit-1176': { name: 'MailKit issue 1176', url: `${GITHUB}/jstedfast/MailKit/issues/1176`, date: '2026-11-20' },
  'haraka-2321': { name: 'Haraka issue 2321', url: `${GITHUB}/haraka/Haraka/issues/2321`, date: '2026-11-20' },
  'seq-101': {
    name: 'seq-app-htmlemail issue 101',
    url: `${GITHUB}/datalust/seq-app-htmlemail/issues/101`,
    date: '2022-06',
  },
  'oauth2-proxy-193': {
    name: 'email-oauth2-proxy issue 193',
    url: `${GITHUB}/simonrob/email-oauth2-proxy/issues/193`,
    date: '2026-11-20',
  },
  'nodemailer-949': {
    name: 'nodemailer issue 949',
    url: `${GITHUB}/nodemailer/nodemailer/issues/949`,
    date: '2026-11-20',
  },
  'nodemailer-1482': {
    name: 'nodemailer issue 1482',
    url: `${GITHUB}/nodemailer/nodemailer/issues/1482`,
    date: '2026-11-20',
  },
  'nodemailer-1726': {
    name: 'nodemailer issue 1726',
    url: `${GITHUB}/nodemailer/nodemailer/issues/1726`,
    date: '2026-11-20',
  },
  'tech-community': { name: 'Microsoft Tech Community thread 607825', date: '2026-11-20' },
  'public-threads': { name: 'Seen in public support threads', date: '2026-11-20' },
  google: {
    name: 'Google Workspace: Gmail SMTP errors and codes',
    url: 'https://support.google.com/a/answer/3726730',
    date: '2026-11-20',
  },
  'google-xoauth2': {
    name: 'Google: XOAUTH2 protocol',
    url: 'https://developers.google.com/workspace/gmail/imap/xoauth2-protocol',
    date: '2026-11-20',
  },
  rfc: { name: 'RFC 5321, RFC 3463 and RFC 4954', url: 'https://www.rfc-editor.org/rfc/rfc5321', date: '2008-10' },
  'rfc-oauth': {
    name: 'RFC 6749 section 5.2',
    url: 'https://www.rfc-editor.org/rfc/rfc6749#section-5.2',
    date: '2012-10',
  },
  node: { name: 'Node.js: Common system errors', url: 'https://nodejs.org/api/errors.html', date: '2026-11-20' },
  mailgrant: { name: 'Mailgrant: docs/errors.md', date: '2026-11-20' },
  unconfirmed: { name: 'General knowledge; no published source found', date: '2026-11-20' },
};
