// Explains a reply of a mail server.
import { type FALLBACK, SUBJECTS } from './catalogue/fallback.ts';
import { otherEntry } from './catalogue.ts';
import { parseDiagnosticData, withoutDiagnosticData } from './diagnostic-data.ts';
import type { DiagnosisClass } from './entry.ts';
import type { ExplainContext, Explanation, Facts, ReplyFacts } from './explanation.ts';
import { explanationOf } from './explanation.ts';
import { findReplyEntry } from './match.ts';
import { innermostReply } from './nested-reply.ts';
import { type ReadReply, readReply } from './read-reply.ts';
import { parseSendAsDenied } from './send-as-denied.ts';
import type { ErrorCode, Stage } from '../errors.ts';
import type { Reply } from '../smtp/reply.ts';
import { tidy } from './text.ts';
import { parseTrailer, withoutTrailer } from './trailer.ts';

/** What a refusal was about, where the text is not known: the part of the exchange it came in. */
type Scope = 'service' | 'login' | 'sender' | 'recipient' | 'message';

const SCOPE_OF_STAGE: Readonly<Partial<Record<Stage, Scope>>> = {
  greeting: 'service',
  EHLO: 'service',
  STARTTLS: 'service',
  AUTH: 'login',
  MAIL: 'sender',
  RCPT: 'recipient',
  DATA: 'message',
  message: 'message',
};

const SCOPE_OF_CODE: Readonly<Partial<Record<ErrorCode, Scope>>> = {
  ERR_SMTP_SERVICE_REFUSED: 'service',
  ERR_SMTP_AUTH_REFUSED: 'login',
  ERR_SMTP_SENDER_REFUSED: 'sender',
  ERR_SMTP_RECIPIENTS_REFUSED: 'recipient',
  ERR_SMTP_MESSAGE_REFUSED: 'message',
};

type FallbackId = (typeof FALLBACK)[number]['id'];

const PERMANENT: Readonly<Record<Scope, FallbackId>> = {
  service: 'smtp-service-refused',
  login: 'smtp-login-impossible',
  sender: 'smtp-sender-refused',
  recipient: 'smtp-recipient-refused',
  message: 'smtp-message-refused',
};

/** Explains a reply, with what else is known of it in `known`. */
export function explainReply(reply: Reply, known: Facts, context: ExplainContext): Explanation {
  const outer = readReply(reply);
  const inner = innermostReply(outer);
  const facts = { ...known, ...factsOf(outer, inner) };
  const stage = known.stage ?? context.stage;
  const scope = (stage && SCOPE_OF_STAGE[stage]) ?? (known.errorCode && SCOPE_OF_CODE[known.errorCode]);
  const entry = findReplyEntry(inner) ?? (inner === outer ? undefined : findReplyEntry(outer));
  if (entry !== undefined)
    return explanationOf(entry, { ...entry, class: classAt(scope, entry.class) }, facts, context);

  const fallback = otherEntry(fallbackFor(inner, scope));
  const subject = inner.code < 400 ? undefined : SUBJECTS[inner.status?.split('.')[1] ?? ''];
  const cause = subject === undefined ? fallback.cause : `${fallback.cause} ${subject}`;
  return explanationOf(fallback, { ...fallback, cause }, facts, context);
}

/** Before MAIL there is no message and no recipient to blame: what is refused there is refused to whatever comes next. */
function classAt(scope: Scope | undefined, kind: DiagnosisClass): DiagnosisClass {
  const isEarly = scope === 'service' || scope === 'login';
  return isEarly && (kind === 'message' || kind === 'recipient') ? 'admin' : kind;
}

/** By code, enhanced status code and part of the exchange: texts nobody has catalogued decide nothing. */
function fallbackFor({ code, status }: ReadReply, scope: Scope | undefined): FallbackId {
  if (code < 400) return 'smtp-unexpected-reply';
  if (code === 421) return 'smtp-service-closing';
  if (code < 500) return 'smtp-temporary';
  if (code === 535) return 'smtp-login-refused';
  if (code === 534 || code === 538) return 'smtp-login-impossible';
  return PERMANENT[scope ?? scopeOfStatus(status)];
}

/** RFC 3463 section 3; where even that says nothing, the least that can be meant: this message. */
function scopeOfStatus(status: string | undefined): Scope {
  const [, subject, detail] = status?.split('.') ?? [];
  if (subject === '1' && (detail === '7' || detail === '8')) return 'sender';
  return subject === '1' || subject === '2' || subject === '4' ? 'recipient' : 'message';
}

function factsOf(outer: ReadReply, inner: ReadReply): Facts {
  const trailer = parseTrailer(outer.text);
  const diagnostics = parseDiagnosticData(outer.text);
  const sendAs = parseSendAsDenied(outer.text);
  return {
    reply: shown(inner),
    ...(inner !== outer && { outerReply: shown(outer) }),
    ...(trailer && { trailer }),
    ...(diagnostics.length > 0 && { diagnostics }),
    ...(sendAs && { sendAs }),
  };
}

function shown({ code, status, text }: ReadReply): ReplyFacts {
  return { code, status, text: tidy(withoutTrailer(withoutDiagnosticData(text)), 600) };
}
