// What explain() returns, and how an entry becomes it.
import { classPolicy } from './class-policy.ts';
import type { ExplanationId, Named } from './catalogue.ts';
import type { AuthorizationModel, Check, DiagnosisClass, Entry, RetryAdvice } from './entry.ts';
import type { EntraErrorText } from './entra-error.ts';
import type { ErrorCode, Stage } from '../errors.ts';
import type { SendAsDenied } from './send-as-denied.ts';
import { SOURCES } from './sources.ts';
import type { Trailer } from './trailer.ts';

/** A reply as it is shown: control characters visible, diagnostic data left out, at most 600 characters. */
export interface ReplyFacts {
  /** Three digits. */
  readonly code: number;
  /** Enhanced status code such as `5.7.3` (RFC 3463). */
  readonly status: string | undefined;
  /** Without codes, trailer and diagnostic data. */
  readonly text: string;
}

/** What a token endpoint answered. */
export interface OAuthFacts extends EntraErrorText {
  /** HTTP status. */
  readonly status: number | undefined;
  /** OAuth error code (RFC 6749 section 5.2). */
  readonly error: string | undefined;
  /** Microsoft's second word. */
  readonly suberror: string | undefined;
  /** Microsoft's page about the first of `numbers`. */
  readonly link: string | undefined;
  /** What the first of `numbers` suggests about trying again, for people. */
  readonly hint: 'no' | 'once' | 'later' | 'yes' | undefined;
}

/** What could be read from the thing explained. Absent is what it did not say. */
export interface Facts {
  /** The code of the error of ours nearest to the cause. */
  readonly errorCode?: ErrorCode;
  /** How far the message had come. */
  readonly stage?: Stage;
  /** Milliseconds for which this side holds mail back, because the failure explained here was met before. */
  readonly heldBack?: number;
  /** The end of the message had left and the answer was lost: sending again may deliver it twice. */
  readonly mayHaveBeenSent?: true;
  /** The reply that was explained; where one reply quotes another, the innermost. */
  readonly reply?: ReplyFacts;
  /** The reply around it, where `reply` was quoted. */
  readonly outerReply?: ReplyFacts;
  /** Where and when the reply was made, for support. */
  readonly trailer?: Trailer;
  /** Texts in Exchange's diagnostic data. */
  readonly diagnostics?: readonly string[];
  /** Who logged in, and whom the message was from. */
  readonly sendAs?: SendAsDenied;
  /** What the server said in its XOAUTH2 error challenge. */
  readonly challenge?: { readonly status?: string; readonly schemes?: string; readonly scope?: string };
  /** What a token endpoint answered. */
  readonly oauth?: OAuthFacts;
  /** The system's word for what happened, such as `ECONNREFUSED`. */
  readonly systemCode?: string;
  /** The state `Get-HVEAccountBillingPolicy` reports. */
  readonly billingState?: string;
}

/** What happened, why, and what to do about it. */
export interface Explanation {
  /** Stable, safe to compare with. */
  readonly id: ExplanationId;
  /** What stands in the way; `classPolicy` says what follows. */
  readonly class: DiagnosisClass;
  /** The sender address is what is refused: other senders of the same login are not concerned. */
  readonly aboutSender: boolean;
  /** What happened, as a headline. */
  readonly title: string;
  /** Why it happens. */
  readonly cause: string;
  /** What to do. */
  readonly remedy: string;
  /** What to look at, likeliest first, where several causes give this answer; else empty. */
  readonly checks: readonly Check[];
  /** Exchange Online PowerShell; `<…>` is to be filled in. */
  readonly command: string | undefined;
  /** Where to click, or an address to open. */
  readonly portal: string | undefined;
  /** Where this is known from. */
  readonly source: { readonly name: string; readonly url: string | undefined };
  /** Since when, or as of when, this is known: ISO 8601, to the day or the month. */
  readonly factDate: string;
  /** What could be read from the thing explained. */
  readonly facts: Facts;
  /** Whether and when to try again. */
  readonly retry: RetryAdvice;
}

/** What the caller knows and the error does not say. */
export interface ExplainContext {
  /** Narrows the checks to those of one way of being authorized. */
  readonly model?: AuthorizationModel | undefined;
  /** Where a bare reply was received; errors of this package know it themselves. */
  readonly stage?: Stage | undefined;
  /**
   * What to put for `<mailbox>`, `<client id>`, `<object id>`, `<tenant id>` … in commands. A value that is more than
   * letters, digits and `. _ + @ -` is left out, since commands are pasted into a shell.
   */
  readonly values?: Readonly<Record<string, string | undefined>> | undefined;
}

/** Particulars that outweigh what the entry says. */
export interface Particulars {
  readonly class?: DiagnosisClass;
  readonly cause?: string;
  readonly retry?: Partial<RetryAdvice> | undefined;
}

/** Makes an explanation of an entry. */
export function explanationOf(
  entry: Named<Omit<Entry, 'class' | 'retry'>>,
  particulars: Particulars & { readonly class: DiagnosisClass },
  facts: Facts,
  { model, values = {} }: ExplainContext,
): Explanation {
  const source = SOURCES[entry.source];
  const filled = { ...values, ...(facts.sendAs && { sender: facts.sendAs.sender }) };
  const { retry } = classPolicy(particulars.class);
  return {
    id: entry.id,
    class: particulars.class,
    aboutSender: entry.aboutSender ?? false,
    title: entry.title,
    cause: particulars.cause ?? entry.cause,
    remedy: entry.remedy,
    checks: (entry.checks ?? [])
      .filter((check) => model === undefined || check.models === undefined || check.models.includes(model))
      .map((check) => (check.command === undefined ? check : { ...check, command: fill(check.command, filled) })),
    command: entry.command === undefined ? undefined : fill(entry.command, filled),
    portal: entry.portal === undefined ? undefined : fill(entry.portal, filled),
    source: { name: source?.name ?? entry.source, url: source?.url },
    factDate: source?.date ?? '',
    facts,
    // Whoever may have succeeded must not try again without being asked to.
    retry: {
      ...retry,
      ...particulars.retry,
      ...(facts.heldBack !== undefined && { wait: facts.heldBack }),
      ...(facts.mayHaveBeenSent && { attempts: 'none' as const }),
    },
  };
}

function fill(command: string, values: Readonly<Record<string, string | undefined>>): string {
  return command.replaceAll(/<([A-Za-z ]{1,40})>/g, (placeholder, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    return value !== undefined && /^[A-Za-z0-9][A-Za-z0-9._+@-]{0,319}$/.test(value) ? value : placeholder;
  });
}
