// Where the demo sends: Microsoft 365, or the sandbox that stands in for it on this machine.
import { type MailerOptions, Secret } from '@mailgrant/core';
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { failureOf } from './failures.ts';
import type { Account, Settings } from './settings.ts';

export interface Target extends Account {
  readonly tokenEndpoint: string;
  readonly scope: string;
  /** Where the mailer connects; empty for the provider's own host. */
  readonly server: Pick<MailerOptions, 'host' | 'port' | 'ca'>;
  /** Header From of the mails. */
  readonly sender: string;
  /** Absent: this is the real thing. */
  readonly sandbox: Sandbox | undefined;
}

/** An address the sandbox's server does not know. */
export const UNKNOWN_RECIPIENT = 'no-such-person@example.com';

export async function openTarget({ account, failure }: Settings): Promise<Target> {
  if (account !== undefined) {
    return {
      ...account,
      tokenEndpoint: `https://login.microsoftonline.com/${encodeURIComponent(account.tenantId)}/oauth2/v2.0/token`,
      scope: 'https://outlook.office365.com/.default',
      server: {},
      sender: account.user,
      sandbox: undefined,
    };
  }
  const { tenant, secret, sender } = failureOf(failure);
  const sandbox = await startSandbox(tenant);
  return {
    tenantId: sandbox.tenantId,
    clientId: sandbox.clientId,
    clientSecret: new Secret(secret ?? sandbox.clientSecret),
    user: sandbox.mailbox,
    to: ['guest@example.com'],
    tokenEndpoint: sandbox.tokenEndpoint,
    scope: sandbox.scope,
    server: { ...sandbox.smtp, ca: sandbox.ca },
    sender: sender ?? sandbox.mailbox,
    sandbox,
  };
}

/** On ports that are easy to remember, or free ones where these are taken. */
async function startSandbox(tenant: object = {}): Promise<Sandbox> {
  const ports = { http: 8025, smtp: 2525 };
  for (;;) {
    try {
      return await createSandbox({
        ports,
        tenants: [tenant],
        smtp: {
          refuse: [
            {
              match: UNKNOWN_RECIPIENT,
              reply: '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup',
            },
          ],
        },
      });
    } catch (error) {
      const taken = Object.entries(ports).find(([, port]) => port !== 0 && port === takenPort(error));
      if (taken === undefined) throw error;
      Object.assign(ports, { [taken[0]]: 0 });
    }
  }
}

function takenPort(error: unknown): unknown {
  if (!(error instanceof Error && 'code' in error && 'port' in error)) return undefined;
  // EACCES: some systems reserve ranges of ports.
  return error.code === 'EADDRINUSE' || error.code === 'EACCES' ? error.port : undefined;
}
