// Reads things of unknown origin: errors of this package or another copy of it, of other libraries, plain objects.
import { ERROR_CODES, type ErrorCode, type Stage } from '../errors.ts';
import type { Reply } from '../smtp/reply.ts';
import type { Facts } from './explanation.ts';
import { parseReplyText } from './read-reply.ts';
import { discreet, tidy } from './text.ts';

/** An answer of a token endpoint, whatever library reported it. */
export interface OAuthAnswer {
  readonly status: number | undefined;
  readonly error: string | undefined;
  readonly suberror: string | undefined;
  readonly description: string | undefined;
  readonly numbers: readonly number[];
  /** Milliseconds. */
  readonly retryAfter: number | undefined;
}

const STAGES: ReadonlySet<string> = new Set<Stage>([
  'queue',
  'token',
  'connect',
  'tls',
  'greeting',
  'EHLO',
  'STARTTLS',
  'AUTH',
  'MAIL',
  'RCPT',
  'DATA',
  'message',
  'RSET',
  'NOOP',
  'QUIT',
]);

const CODES: ReadonlySet<string> = new Set(ERROR_CODES);

/** One property, or `undefined` of things that have none. */
export function property(thing: unknown, name: string): unknown {
  return typeof thing === 'object' && thing !== null ? (thing as Record<string, unknown>)[name] : undefined;
}

/** A property that is a text. */
export function textOf(thing: unknown, name: string): string | undefined {
  const value = property(thing, name);
  return typeof value === 'string' ? value : undefined;
}

/** A property that is a number, not negative. */
export function numberOf(thing: unknown, name: string): number | undefined {
  const value = property(thing, name);
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
}

/** The code of an error of this package. */
export function errorCodeOf(thing: unknown): ErrorCode | undefined {
  const code = property(thing, 'code');
  return isErrorCode(code) ? code : undefined;
}

/** Where an error of this package happened. */
export function stageOf(thing: unknown): Stage | undefined {
  const stage = property(thing, 'stage');
  return isStage(stage) ? stage : undefined;
}

/** The reply a thing is, carries, or tells of in another library's fields (`response`) or as text. */
export function replyOf(thing: unknown): Reply | undefined {
  if (typeof thing === 'string') return parseReplyText(thing);
  const response = textOf(thing, 'response');
  return (
    asReply(thing) ??
    asReply(property(thing, 'reply')) ??
    (response === undefined ? undefined : parseReplyText(response))
  );
}

/**
 * The answer of a token endpoint a thing is or carries: a TokenError, the endpoint's own JSON, an error of MSAL
 * (`errorCode`, `errorMessage`, `subError`, `errorNo`), or text with an AADSTS number in it.
 */
export function oauthAnswerOf(thing: unknown): OAuthAnswer | undefined {
  if (typeof thing === 'string') {
    return /\bAADSTS\d{5,8}/.test(thing.slice(0, 16_384)) ? { ...NOTHING, description: thing } : undefined;
  }
  const said = textOf(thing, 'error') ?? textOf(thing, 'errorCode');
  const answer = {
    status: numberOf(thing, 'status') ?? numberOf(thing, 'httpStatus'),
    error: word(said),
    suberror: word(textOf(thing, 'suberror') ?? textOf(thing, 'subError')),
    description:
      textOf(thing, 'description') ?? textOf(thing, 'error_description') ?? textOf(thing, 'errorMessage') ?? undefined,
    numbers: numbersOf(thing, said),
    retryAfter: numberOf(thing, 'retryAfter'),
  };
  const isOne =
    answer.error !== undefined ||
    answer.numbers.length > 0 ||
    (answer.description !== undefined && answer.description.includes('AADSTS')) ||
    // Many errors have a status; bare answers and our own TokenErrors have it from a token endpoint.
    (answer.status !== undefined &&
      !(thing instanceof Error && !(textOf(thing, 'code') ?? '').startsWith('ERR_OAUTH_')));
  return isOne ? answer : undefined;
}

/** The XOAUTH2 error challenge an AuthenticationError carries: its JSON's known fields, short and tidy. */
export function challengeOf(thing: unknown): Facts['challenge'] {
  const text = textOf(thing, 'challenge');
  if (text === undefined || text.length > 4096) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // Not every server sends JSON; the reply says enough.
    return undefined;
  }
  const field = (name: string): string | undefined => {
    const value = textOf(json, name);
    return value && discreet(tidy(value, 200));
  };
  const [status, schemes, scope] = [field('status'), field('schemes'), field('scope')];
  return { ...(status && { status }), ...(schemes && { schemes }), ...(scope && { scope }) };
}

/** A thing, its cause, the cause of that …: at most ten, each once; of an AggregateError the first of its errors. */
export function causesOf(thing: unknown): readonly unknown[] {
  const chain = new Set<unknown>();
  let current = thing;
  while (current !== undefined && current !== null && chain.size < 10 && !chain.has(current)) {
    chain.add(current);
    const errors = property(current, 'errors');
    current = property(current, 'cause') ?? (Array.isArray(errors) ? errors[0] : undefined);
  }
  return [...chain];
}

const NOTHING: OAuthAnswer = {
  status: undefined,
  error: undefined,
  suberror: undefined,
  description: undefined,
  numbers: [],
  retryAfter: undefined,
};

function asReply(thing: unknown): Reply | undefined {
  const code = property(thing, 'code');
  const lines = property(thing, 'lines');
  if (typeof code !== 'number' || !Number.isInteger(code) || code < 200 || code > 599 || !Array.isArray(lines)) {
    return undefined;
  }
  const status = textOf(thing, 'status');
  return {
    code,
    status: status !== undefined && /^[245]\.\d{1,3}\.\d{1,3}$/.test(status) ? status : undefined,
    lines: lines.filter((line) => typeof line === 'string'),
  };
}

function numbersOf(thing: unknown, said: string | undefined): readonly number[] {
  const listed = property(thing, 'error_codes') ?? property(thing, 'errorNo') ?? said;
  return (Array.isArray(listed) ? listed.slice(0, 10) : [listed])
    .filter((item) => typeof item === 'number' || (typeof item === 'string' && /^\d{5,8}$/.test(item)))
    .map(Number)
    .filter((number) => Number.isInteger(number) && number >= 10_000);
}

/** An OAuth error is one short word (RFC 6749 section 5.2); anything else stays unread, whatever it holds. */
function word(text: string | undefined): string | undefined {
  return text !== undefined && /^[a-z][a-z_]{2,39}$/.test(text) ? text : undefined;
}

function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && CODES.has(code);
}

function isStage(stage: unknown): stage is Stage {
  return typeof stage === 'string' && STAGES.has(stage);
}
