import type { Sandbox } from '@mailgrant/sandbox';
import type { Mail, MailAccount } from '../src/index.ts';

/** The account of the sandbox's mailbox, as settings. */
export const accountOf = (sandbox: Sandbox, more: Partial<MailAccount> = {}): MailAccount => {
  const { tokenEndpoint, clientId, clientSecret, scope } = sandbox;
  return {
    provider: 'microsoft365',
    ...sandbox.smtp,
    ca: sandbox.ca,
    user: sandbox.mailbox,
    tokenEndpoint,
    clientId,
    clientSecret,
    scope,
    ...more,
  };
};

/** A mail with the least a mail needs, and what a test cares about. */
export const mailTo = (to: string, more: Mail = {}): Mail => ({ to, subject: 'Hello', text: 'Hi', ...more });

/** What a promise was rejected with. */
export const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no failure',
    (reason: unknown) => reason,
  );
