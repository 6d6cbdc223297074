// Explains an answer of a token endpoint. HTTP status and OAuth error decide what follows; AADSTS numbers only add words.
import { AADSTS_CATALOGUE, type Named, otherEntry } from './catalogue.ts';
import { type OAUTH, OAUTH_ERRORS } from './catalogue/oauth.ts';
import { aadstsLink, parseEntraError } from './entra-error.ts';
import type { AadstsEntry } from './entry.ts';
import type { ErrorCode } from '../errors.ts';
import type { OAuthAnswer } from './evidence.ts';
import type { ExplainContext, Explanation, Facts } from './explanation.ts';
import { explanationOf } from './explanation.ts';

type OAuthId = (typeof OAUTH)[number]['id'];

/** Explains what a token endpoint answered, with what else is known of it in `known`. */
export function explainOAuth(answer: OAuthAnswer, known: Facts, context: ExplainContext): Explanation {
  const text = parseEntraError(answer.description ?? '');
  const numbers = [...new Set([...answer.numbers, ...text.numbers])];
  const number = numbers.find((candidate) => entryOf(candidate) !== undefined) ?? numbers[0];
  const guidance = number === undefined ? undefined : entryOf(number);
  const decision = otherEntry(decide(answer, known.errorCode, guidance?.error));
  const facts: Facts = {
    ...known,
    oauth: {
      ...text,
      status: answer.status,
      error: answer.error,
      suberror: answer.suberror,
      numbers,
      link: number === undefined ? undefined : aadstsLink(number),
      hint: guidance?.retry,
    },
  };
  const retry = { ...decision.retry, ...(answer.retryAfter !== undefined && { wait: answer.retryAfter }) };
  return explanationOf(guidance ?? decision, { class: decision.class, retry }, facts, context);
}

function entryOf(number: number): Named<AadstsEntry> | undefined {
  return AADSTS_CATALOGUE.find((entry) => entry.numbers.includes(number));
}

/**
 * `code` is that of the error which brought the answer: whoever threw it knows which statuses pass at that endpoint.
 * `usual` is the OAuth error that goes with the number, for answers that name no error we know.
 */
function decide(
  { status = 0, error = '', suberror = '' }: OAuthAnswer,
  code: ErrorCode | undefined,
  usual = '',
): OAuthId {
  if (status === 429) return 'oauth-throttled';
  if (status >= 500 || status === 408 || code === 'ERR_OAUTH_UNAVAILABLE') return 'oauth-unavailable';
  for (const word of [suberror, error, usual]) {
    const id = Object.hasOwn(OAUTH_ERRORS, word) ? OAUTH_ERRORS[word] : undefined;
    if (id !== undefined) return id;
  }
  return 'oauth-refused';
}
