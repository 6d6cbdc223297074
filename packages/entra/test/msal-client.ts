// MSAL and nodemailer as they come, in a process of their own: nothing of ours but what is read from standard input.
import { text } from 'node:stream/consumers';
import { ConfidentialClientApplication } from '@azure/msal-node';
import { createTransport } from 'nodemailer';

interface Settings {
  readonly authority: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope: string;
  readonly smtp: { readonly host: string; readonly port: number };
  readonly mailbox: string;
}

const settings = JSON.parse(await text(process.stdin)) as Settings;
const { authority, clientId, clientSecret, scope, smtp, mailbox } = settings;
const msal = new ConfidentialClientApplication({
  auth: { clientId, clientSecret, authority, knownAuthorities: [new URL(authority).host] },
});
const result = await msal.acquireTokenByClientCredential({ scopes: [scope] });
const transport = createTransport({
  ...smtp,
  requireTLS: true,
  auth: { type: 'OAuth2', user: mailbox, accessToken: result?.accessToken ?? '' },
});
const { response } = await transport.sendMail({ from: mailbox, to: mailbox, subject: 'From MSAL', text: 'Hello' });
console.log(response);
