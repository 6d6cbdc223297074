import { createTransport } from 'nodemailer';
import { createSandbox } from '../src/index.ts';

await using sandbox = await createSandbox();

const { tokenEndpoint, clientId, clientSecret, scope, mailbox, ca } = sandbox;
const body = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret, scope };
const answer = await fetch(tokenEndpoint, { method: 'POST', body: new URLSearchParams(body) });
const { access_token: accessToken } = (await answer.json()) as { access_token: string };

const auth = { type: 'OAuth2', user: mailbox, accessToken } as const;
const transport = createTransport({ ...sandbox.smtp, requireTLS: true, tls: { ca }, auth });
await transport.sendMail({ from: mailbox, to: 'ada@example.com', subject: 'Hello', text: 'It works.' });

const mail = await sandbox.inbox.waitFor(({ subject }) => subject === 'Hello');
console.log(mail.envelope.to, (await mail.parse()).text);
