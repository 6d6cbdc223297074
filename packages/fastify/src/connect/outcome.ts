// How a step of connecting ended, in words for whoever sits before the browser. Microsoft's own words stay in the log.
import { MailError, type TokenError } from '@mailgrant/core';

export interface Outcome {
  /** HTTP status. */
  readonly status: number;
  /** For programs. */
  readonly code: string;
  readonly title: string;
  /** What to do about it, among others. */
  readonly text: string;
  /** Whether beginning again may help. */
  readonly again: boolean;
}

const failed = (status: number, code: string, title: string, text: string, again = true): Outcome => ({
  status,
  code,
  title,
  text,
  again,
});

export const CONNECTED: Outcome = {
  status: 200,
  code: 'CONNECTED',
  title: 'The mailbox is connected',
  text: 'Mail can be sent from it now. You may close this window.',
  again: false,
};

export const DISCONNECTED: Outcome = {
  status: 200,
  code: 'DISCONNECTED',
  title: 'The mailbox is disconnected',
  text: 'No more mail is sent from it. To take the consent back at Microsoft as well, remove the application at https://myapps.microsoft.com.',
  again: false,
};

export const UNKNOWN_MAILBOX: Outcome = failed(
  404,
  'UNKNOWN_MAILBOX',
  'There is no such mailbox',
  'The application knows no mailbox of this name.',
  false,
);

export const CROSS_SITE: Outcome = failed(
  403,
  'CROSS_SITE',
  'This did not come from the application',
  'Another site led here. Go to the application itself, and connect or disconnect the mailbox from there.',
  false,
);

/** The callback belongs to nothing this browser began. */
export const NOT_BEGUN: Outcome = failed(
  400,
  'NOT_BEGUN',
  'This sign-in was not begun in this browser',
  'Begin again, and finish in the same browser and window. If it happens again, this browser keeps no cookies for the application, or the application was not opened by https under the address of its redirect URI.',
);

const STALE = failed(
  400,
  'STALE',
  'This sign-in is over',
  'It took too long, or it was finished before. Nothing was changed. Begin again.',
);

const DECLINED = failed(
  403,
  'DECLINED',
  'The mailbox was not connected',
  'The permission to send mail was not given. Begin again and accept it, or ask an administrator to accept it for your organization.',
);

const UNREACHABLE = failed(
  503,
  'MICROSOFT_UNREACHABLE',
  'Microsoft did not answer',
  'The mailbox was not connected, because the sign-in service could not be reached. Begin again in a few minutes.',
);

const FAILED = failed(
  500,
  'FAILED',
  'Something went wrong here',
  'The mailbox was left as it was. Whoever runs the application finds the reason in its log.',
);

/** Nothing an error says gets through but a name the browser knows already, and Microsoft's number. */
export function outcomeOf(error: unknown): Outcome {
  if (!(error instanceof MailError)) return FAILED;
  switch (error.code) {
    case 'ERR_OAUTH_WRONG_ACCOUNT':
      return wrongAccount(error);
    case 'ERR_OAUTH_REFUSED':
      return refused(error);
    case 'ERR_OAUTH_CALLBACK':
      return STALE;
    case 'ERR_OAUTH_UNAVAILABLE':
    case 'ERR_OAUTH_UNREACHABLE':
    case 'ERR_OAUTH_TIMEOUT':
      return UNREACHABLE;
    default:
      return FAILED;
  }
}

/** Both names are known to the browser: it signed in with one, and was proposed the other. Delegates' names are not. */
function wrongAccount(error: MailError): Outcome {
  const { signedIn, mailbox } = error as MailError & { readonly signedIn?: unknown; readonly mailbox?: unknown };
  const who = typeof signedIn === 'string' ? `You signed in as ${signedIn}` : 'You signed in with another account';
  const whose = typeof mailbox === 'string' ? mailbox : 'its owner';
  return failed(
    403,
    'WRONG_ACCOUNT',
    'That was another account',
    `${who}, which may not send as ${whose}. Nothing was stored. Begin again and choose the account of ${whose}; where it is not in the list, choose "Use another account". For a shared mailbox, ask whoever runs the application to allow your account for it.`,
  );
}

function refused(error: MailError): Outcome {
  const { error: word, aadsts } = error as TokenError & { readonly aadsts?: unknown };
  if (word === 'access_denied') return DECLINED;
  const number = typeof aadsts === 'number' ? ` (AADSTS${aadsts})` : '';
  return failed(
    502,
    'MICROSOFT_REFUSED',
    'Microsoft refused',
    `The mailbox was not connected${number}. Begin again; if it stays, give this number to whoever runs the application: the log has the rest.`,
  );
}
