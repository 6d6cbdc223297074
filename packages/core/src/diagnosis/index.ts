export { AADSTS_CATALOGUE, type ExplanationId, type Named, OTHER_ENTRIES, REPLY_CATALOGUE } from './catalogue.ts';
export { classPolicy, type ClassPolicy } from './class-policy.ts';
export { checkClaims, type ClaimCheck, type ClaimFinding, type ClaimOptions, type Claims } from './claims.ts';
export { parseDiagnosticData } from './diagnostic-data.ts';
export { aadstsLink, type EntraErrorText, parseEntraError } from './entra-error.ts';
export type {
  AadstsEntry,
  AuthorizationModel,
  Check,
  DiagnosisClass,
  Entry,
  ReplyEntry,
  ReplyMatch,
  RetryAdvice,
} from './entry.ts';
export { explain, explainHveBilling } from './explain.ts';
export type { ExplainContext, Explanation, Facts, OAuthFacts, ReplyFacts } from './explanation.ts';
export { formatExplanation, type FormatOptions } from './format.ts';
export { parseNestedReply } from './nested-reply.ts';
export { parseReplyText, type ReadReply } from './read-reply.ts';
export { parseSendAsDenied, type SendAsDenied } from './send-as-denied.ts';
export { type Source, SOURCES } from './sources.ts';
export { parseTrailer, type Trailer } from './trailer.ts';
