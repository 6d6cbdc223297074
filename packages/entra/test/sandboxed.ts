// What the tests against the sandbox share: a cloud that is the sandbox, ways to a token from it, and one mail sent with one.
import { createMailer, type MailerOptions, memoryTokenStore, type Receipt, type TokenSource } from '@mailgrant/core';
import { explain, type ExplanationId } from '@mailgrant/core/diagnosis';
import { editTenant, type Sandbox } from '@mailgrant/sandbox';
import {
  entraApp,
  type EntraAppOptions,
  type EntraConnection,
  type EntraConnectOptions,
  type EntraSource,
} from '../src/index.ts';

export const REDIRECT = 'http://localhost/callback';
export const ADMIN = 'admin@contoso.onmicrosoft.com';
export const APP = '3f1d5a52-7f5e-4f0e-9a55-0c1f7c1f2b11';

export const cloudOf = (sandbox: Sandbox) => ({
  authority: new URL(sandbox.url).origin,
  applicationScope: sandbox.scope,
  delegatedScope: 'https://outlook.office.com/SMTP.Send',
});

export const application = (sandbox: Sandbox, more: Partial<EntraAppOptions> = {}): EntraSource =>
  entraApp({
    tenantId: sandbox.tenantId,
    clientId: sandbox.clientId,
    credential: sandbox.clientSecret,
    cloud: cloudOf(sandbox),
    ...more,
  });

export const person = (sandbox: Sandbox, mailbox: string = sandbox.mailbox) =>
  ({
    tenantId: sandbox.tenantId,
    clientId: sandbox.clientId,
    cloud: cloudOf(sandbox),
    store: memoryTokenStore(),
    redirectUri: REDIRECT,
    mailbox,
  }) satisfies EntraConnectOptions;

/** Sends one mail as `user`, on a connection of its own, and tries once. */
export async function send(
  sandbox: Sandbox,
  token: TokenSource,
  user: string = sandbox.mailbox,
  more: Partial<MailerOptions> = {},
): Promise<Receipt> {
  const { smtp, ca } = sandbox;
  await using mailer = createMailer({ provider: 'microsoft365', ...smtp, ca, user, token, retries: 0, ...more });
  return await mailer.send({
    envelope: { from: user, to: [user] },
    message: `From: ${user}\r\nSubject: Hello\r\n\r\nHello\r\n`,
  });
}

export async function failure(work: Promise<unknown>): Promise<Error> {
  const outcome = await work.catch((error: unknown) => error);
  if (outcome instanceof Error) return outcome;
  throw new Error('it worked');
}

/** The failure's row in the catalogue. */
export async function row(work: Promise<unknown>): Promise<ExplanationId> {
  return explain(await failure(work)).id;
}

/** What the administrator of a tenant runs in Exchange for an app: service principal, FullAccess to every mailbox. */
export function grantInExchange(sandbox: Sandbox, tenantId: string, clientId: string): void {
  sandbox.directory.update((directory) =>
    editTenant(directory, tenantId, (tenant) => {
      const objectId = tenant.enterpriseApps.find((app) => app.clientId === clientId)?.objectId ?? '';
      return {
        ...tenant,
        servicePrincipals: [{ clientId, objectId }],
        mailboxes: tenant.mailboxes.map((one) => ({ ...one, fullAccess: [objectId] })),
      };
    }),
  );
}

/** What Entra was asked last, and who Exchange took the last mail from. */
export const last = (sandbox: Sandbox) => ({
  ...sandbox.tokenRequests.at(-1),
  from: sandbox.inbox.messages.at(-1)?.identity,
});

/** Has the owner of the mailbox sign in. */
export async function connected(sandbox: Sandbox, connection: EntraConnection): Promise<EntraConnection> {
  const { url, state } = await connection.begin();
  await connection.finish(sandbox.entra.signIn(url, { as: sandbox.mailbox }), { state });
  return connection;
}
