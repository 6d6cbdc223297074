// What a row of the catalogues is. The rows themselves are in catalogue/; matching is in match.ts.

/**
 * What stands in the way, and so what a sender may do next. `classPolicy` says what follows from each.
 * - `transient`: passes by itself.
 * - `slow-down`: a limit is reached; the mailbox may go on more slowly.
 * - `propagation`: a recent change in Microsoft 365 has not reached every server yet; if nothing was changed, `admin`.
 * - `admin`: somebody has to change a setting, a right or a credential.
 * - `token`: this access token is not accepted; a new one may be.
 * - `message`: this message will never be accepted as it is.
 * - `recipient`: this recipient cannot get it; others can.
 * - `blocked`: the provider has shut the mailbox or the tenant out.
 */
export type DiagnosisClass =
  | 'transient'
  | 'slow-down'
  | 'propagation'
  | 'admin'
  | 'token'
  | 'message'
  | 'recipient'
  | 'blocked';

/**
 * How Exchange Online is told that somebody may send for a mailbox.
 * - `app-permission`: the app holds the Entra permission `SMTP.SendAsApp` and FullAccess to the mailbox.
 * - `app-rbac`: the app holds the Exchange role `Application SMTP.SendAsApp` over a scope of mailboxes, no Entra permission
 *   and no right on the mailbox.
 * - `hve`: the app sends for a High Volume Email account.
 * - `delegated`: a person signed in.
 */
export type AuthorizationModel = 'app-permission' | 'app-rbac' | 'hve' | 'delegated';

/** One thing to look at, where several causes give the same answer. */
export interface Check {
  /** What should be the case, in a sentence or two. */
  readonly text: string;
  /** Exchange Online PowerShell; `<…>` is to be filled in. */
  readonly command?: string;
  /** Where it applies; everywhere if absent. */
  readonly models?: readonly AuthorizationModel[];
}

/** How often the same thing may be tried again by itself, and when. */
export interface RetryAdvice {
  /** `none`: not by itself; `one`: once more; `many`: until `giveUpAfter`. */
  readonly attempts: 'none' | 'one' | 'many';
  /** Milliseconds before the next attempt. */
  readonly wait: number;
  /** Milliseconds the growing wait between attempts should not exceed. */
  readonly longestWait: number;
  /** Milliseconds after which further attempts have no sense and `afterwards` holds; `Infinity` if time alone does not tell. */
  readonly giveUpAfter: number;
  /** The class that holds when the attempts have not helped. */
  readonly afterwards: DiagnosisClass;
}

/** What every entry of the catalogues says. */
export interface Entry {
  /** Stable name, safe to compare with. */
  readonly id: string;
  /** What stands in the way. Of a refused login an explanation says `admin` where this is `message` or `recipient`. */
  readonly class: DiagnosisClass;
  /** The sender address is what is refused: other senders of the same login are not concerned. */
  readonly aboutSender?: true;
  /** What happened, as a headline. */
  readonly title: string;
  /** Why it happens, in one sentence. */
  readonly cause: string;
  /** What to do. */
  readonly remedy: string;
  /** Exchange Online PowerShell that does it; `<…>` is to be filled in. */
  readonly command?: string;
  /** Where to click instead. */
  readonly portal?: string;
  /** What to look at, likeliest first, where several causes give this answer. */
  readonly checks?: readonly Check[];
  /** Where this differs from what the class says. */
  readonly retry?: Partial<RetryAdvice>;
  /** A key of `SOURCES`. */
  readonly source: string;
}

/**
 * What a reply must have: one of the codes, one of the enhanced status codes, the words. The text is Microsoft's to
 * change, so words only tell apart what code and status leave open; by themselves they match nothing.
 */
export type ReplyMatch = {
  /** Lower case, to be found in the text. */
  readonly words?: string;
} & (
  | { readonly code: readonly number[]; readonly status?: readonly string[] }
  | { readonly code?: readonly number[]; /** `5.7.606-649` is a range. */ readonly status: readonly string[] }
);

/** A reply of a server and what it means. */
export interface ReplyEntry extends Entry {
  /** Any of these. */
  readonly match: readonly ReplyMatch[];
  /** What was seen in public, names replaced. */
  readonly samples: readonly string[];
}

/** A number Microsoft Entra ID puts into its error texts and what it means. */
export interface AadstsEntry extends Omit<Entry, 'class' | 'retry'> {
  /** The digits after AADSTS; several where they come to the same. */
  readonly numbers: readonly number[];
  /** The OAuth error that decides where the answer names none (RFC 6749 section 5.2). */
  readonly error: string;
  /** What the number suggests, for people: programs decide by HTTP status and OAuth error. */
  readonly retry: 'no' | 'once' | 'later' | 'yes';
  /** How Entra's text for the first number begins. */
  readonly sample: string;
}
