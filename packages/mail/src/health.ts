// How the accounts of a client stand, together.
import type { SendOptions } from '@mailgrant/core';
import type { MailClientHealth, MailVerification } from './mail-client.ts';
import type { Sender } from './sender.ts';

/** `down` when nothing can be sent, `degraded` when one account of several is not well. */
export function healthOf(senders: readonly Sender[], pending: number): MailClientHealth {
  const accounts = senders.map(({ account, mailer }) => {
    const { status, reasons } = mailer.health();
    return { account, status, reasons };
  });
  const worst = accounts.some(({ status }) => status !== 'up') ? 'degraded' : 'up';
  const status = accounts.every((each) => each.status === 'down') ? 'down' : worst;
  const several = accounts.length > 1;
  const reasons = accounts.flatMap(({ account, reasons: own }) =>
    own.map((reason) => (several ? `${account}: ${reason}` : reason)),
  );
  return { status, reasons, pending, accounts };
}

/** Logs in with every account. @throws what the first met, when none could. */
export async function verifyAll(senders: readonly Sender[], options: SendOptions): Promise<MailVerification> {
  const accounts = await Promise.all(
    senders.map(async ({ account, mailer }) => {
      try {
        return { account, connection: await mailer.verify(options), error: undefined };
      } catch (error) {
        return { account, connection: undefined, error: error as Error };
      }
    }),
  );
  const [first] = accounts;
  if (first?.error !== undefined && accounts.every(({ error }) => error !== undefined)) throw first.error;
  return { accounts };
}
