// The mailers behind a client.
import { channel } from 'node:diagnostics_channel';
import { cached, createMailer, genericProvider, isCached, type MailerOptions, type TokenEvent } from '@mailgrant/core';
import type { MailClientOptions } from '../mail-client.ts';
import type { Sender } from '../sender.ts';
import { checkAccount, mailerSettings } from './check-account.ts';
import type { MailAccount } from './mail-account.ts';
import { describe, providerOf } from './microsoft.ts';
import { tokenSourceOf } from './token-source.ts';

type OnToken = (account: string | undefined, event: TokenEvent) => void;

/** Where core publishes what its own caches tell; ours, which have a listener, tell it there as well. */
const TOKEN_EVENTS = channel('mailgrant:token:events');

/** Makes a mailer for each account of checked options, or takes the one that was passed in. */
export function toSenders({ account, accounts, mailer }: MailClientOptions, onToken: OnToken): readonly Sender[] {
  if (mailer !== undefined) return [{ account: undefined, from: undefined, mailer, owned: false }];
  const list = accounts ?? (account === undefined ? [] : [account]);
  // What one account is asked to send later another one can send now.
  const retries = list.length > 1 ? { retries: 0 } : {};
  return list.map((each, index) => {
    const account = { ...retries, ...checkAccount(each, []).account };
    // Where all of them rest, the last one is waited for.
    return toSender(account, index, onToken, index < list.length - 1 ? 'refuse' : 'wait');
  });
}

/** One account, by its place in the list. */
export function toSender(
  account: MailAccount,
  index: number,
  onToken: OnToken,
  whenHeld: 'wait' | 'refuse' = 'wait',
): Sender {
  const settings = mailerSettings(account);
  const label = account.label ?? account.user ?? `account ${index + 1}`;
  const token = withEvents(account, (event) => onToken(label, event));
  // Whoever sends a list at once expects that the rest waits.
  const mailer = createMailer({ ...settings, token, queue: { whenFull: 'wait', whenHeld, ...settings.queue } });
  return { account: label, from: account.from ?? account.user, mailer, owned: true };
}

function withEvents(account: MailAccount, listener: (event: TokenEvent) => void): MailerOptions['token'] {
  const source = tokenSourceOf(account);
  if (isCached(source)) return source; // whoever made it listens to it
  const provider = describe(providerOf(account)) ?? genericProvider(account.host ?? '');
  return cached(source, {
    earlyBy: provider.tokenMargin,
    reserve: provider.tokenReserve,
    onEvent: (event) => {
      TOKEN_EVENTS.publish({ provider: provider.id, ...event });
      listener(event);
    },
  });
}
