// Mistakes of every day, made in the sandbox on purpose, to see how they are explained.
import type { TenantOptions } from '@mailgrant/sandbox';

interface Failure {
  readonly what: string;
  /** The tenant as the administrator left it. */
  readonly tenant: TenantOptions;
  /** Sent instead of the right secret. */
  readonly secret?: string;
  /** Header From instead of the mailbox. */
  readonly sender?: string;
}

export const FAILURES = {
  secret: {
    what: 'the secret’s ID was pasted, not its value',
    tenant: {},
    secret: '5d0c1f5e-7b0a-4c56-9a55-0d1f6a3f9a11',
  },
  'smtp-auth': { what: 'SMTP AUTH is switched off in the tenant', tenant: { smtpAuth: false } },
  consent: { what: 'nobody consented to SMTP.SendAsApp', tenant: { apps: [{ roles: [] }] } },
  access: { what: 'the application has no access to the mailbox', tenant: { apps: [{ fullAccess: false }] } },
  sender: {
    what: 'the mail is from somebody else’s mailbox',
    tenant: { mailboxes: ['noreply@contoso.com', 'ceo@contoso.com'] },
    sender: 'ceo@contoso.com',
  },
} as const satisfies Record<string, Failure>;

export type FailureName = keyof typeof FAILURES;

export const isFailureName = (name: string): name is FailureName => Object.hasOwn(FAILURES, name);

export const failureOf = (name: FailureName | undefined): Partial<Failure> =>
  name === undefined ? {} : FAILURES[name];
