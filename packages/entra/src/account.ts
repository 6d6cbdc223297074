// Who signed in, and whether it is who was meant.
import { TokenError } from '@mailgrant/core';
import { bad, shown } from './input.ts';
import { type Acquired } from './msal/client.ts';

/** Who signed in. */
export interface EntraAccount {
  /** The name they sign in with: an address, as a rule that of their mailbox. */
  readonly username: string;
  readonly name: string | undefined;
  readonly objectId: string | undefined;
  readonly tenantId: string | undefined;
}

/** Somebody signed in who must not send for this mailbox. Nothing was stored. */
export class WrongAccountError extends TokenError {
  /** Who signed in. */
  readonly signedIn: string;
  readonly mailbox: string;
  /** Who might have. */
  readonly allowed: readonly string[];

  constructor(signedIn: string, { mailbox, delegates }: MailboxOptions) {
    const who = shown(signedIn);
    super(
      'ERR_OAUTH_WRONG_ACCOUNT',
      `${who} signed in, and the mailbox is ${mailbox}: nothing was stored. Sign in as ${[mailbox, ...(delegates ?? [])].join(' or ')}, ` +
        `or allow ${who} by name (delegates) where the mailbox is shared or known by another address`,
    );
    this.signedIn = who;
    this.mailbox = mailbox;
    this.allowed = [mailbox, ...(delegates ?? [])];
  }
}

export interface MailboxOptions {
  /** The mailbox that is to send. Whoever signs in must be its owner, or one of `delegates`. */
  readonly mailbox: string;
  /**
   * Who else may sign in for it, by the name they sign in with: for a shared mailbox the people who have FullAccess to it,
   * or the owner where they sign in with another address.
   */
  readonly delegates?: readonly string[] | undefined;
}

const ADDRESS = /^[^\s@\p{Cc}]+@[^\s@\p{Cc}]+$/u;

/** @throws TypeError `ERR_INPUT_OPTION` unless they are addresses. */
export function checkMailbox({ mailbox, delegates = [] }: MailboxOptions): void {
  if (typeof mailbox !== 'string' || !ADDRESS.test(mailbox))
    throw bad(`mailbox must be an address, got ${shown(mailbox)}`);
  for (const delegate of delegates) {
    if (typeof delegate !== 'string' || !ADDRESS.test(delegate)) {
      throw bad(`delegates must be addresses, got ${shown(delegate)}`);
    }
  }
}

/** Somebody who signed in, and the name by which they may send for the mailbox. */
export interface AllowedAccount {
  readonly account: EntraAccount;
  readonly allowedAs: string;
}

/**
 * The account of a sign-in, if it may send for the mailbox.
 * @throws WrongAccountError when it may not. @throws TokenError `ERR_OAUTH_MALFORMED` when Entra does not say who it is.
 */
export function guardedAccount({ idClaims = {} }: Acquired, options: MailboxOptions): AllowedAccount {
  const text = (name: string): string | undefined => {
    const value = idClaims[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const username = text('preferred_username') ?? text('upn');
  if (username === undefined) throw new TokenError('ERR_OAUTH_MALFORMED', 'Entra did not say who signed in');
  // Claims people can set themselves, such as email, do not count.
  const names = [username, text('upn')].filter((one) => one !== undefined);
  const allowedAs = names.find((one) => isAllowed(one, options));
  if (allowedAs === undefined) throw new WrongAccountError(username, options);
  return { account: { username, name: text('name'), objectId: text('oid'), tenantId: text('tid') }, allowedAs };
}

/** The error for a consent from before that the settings of today would not accept; `undefined`: they do. */
export function disallowed(allowedAs: string, options: MailboxOptions): TokenError | undefined {
  if (isAllowed(allowedAs, options)) return undefined;
  const message =
    `the consent that is kept is that of ${shown(allowedAs)}, who may not send for ${options.mailbox}: ` +
    'somebody else has to sign in, or delegates has to name them';
  return new TokenError('ERR_OAUTH_WRONG_ACCOUNT', message);
}

function isAllowed(name: string, { mailbox, delegates = [] }: MailboxOptions): boolean {
  return [mailbox, ...delegates].some((one) => one.toLowerCase() === name.toLowerCase());
}
