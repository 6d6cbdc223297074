// explain(): one door for everything that can go wrong between an application and a mail server.
import { otherEntry } from './catalogue.ts';
import { HVE_BILLING_VALID } from './catalogue/hve.ts';
import { NETWORK } from './catalogue/network.ts';
import type { OAUTH } from './catalogue/oauth.ts';
import { OWN_ERRORS } from './catalogue/own-errors.ts';
import type { ErrorCode } from '../errors.ts';
import {
  causesOf,
  challengeOf,
  errorCodeOf,
  numberOf,
  oauthAnswerOf,
  property,
  replyOf,
  stageOf,
  textOf,
} from './evidence.ts';
import { explainOAuth } from './explain-oauth.ts';
import { explainReply } from './explain-reply.ts';
import { type ExplainContext, type Explanation, explanationOf, type Facts } from './explanation.ts';
import { tidy } from './text.ts';

type SimpleId = (typeof OAUTH)[number]['id'] | (typeof OWN_ERRORS)[number]['id'];

/** What our own token errors mean where no OAuth answer came with them. */
const TOKEN_ERRORS: Readonly<Partial<Record<ErrorCode, SimpleId>>> = {
  ERR_OAUTH_REFUSED: 'oauth-refused',
  ERR_OAUTH_UNAVAILABLE: 'oauth-unavailable',
  ERR_OAUTH_UNREACHABLE: 'oauth-unreachable',
  ERR_OAUTH_TIMEOUT: 'oauth-timeout',
  ERR_OAUTH_MALFORMED: 'oauth-malformed',
  ERR_OAUTH_NOT_CONNECTED: 'oauth-not-connected',
  ERR_OAUTH_WRONG_ACCOUNT: 'oauth-wrong-account',
  ERR_OAUTH_CALLBACK: 'oauth-callback',
  ERR_OAUTH_WRONG_TOKEN: 'oauth-wrong-token',
};

/** These only say that something failed; their causes say what. */
const ONLY_CAUSES: Readonly<Partial<Record<ErrorCode, SimpleId>>> = {
  ERR_OAUTH_SOURCE: 'oauth-source-failed',
  ERR_MAILER_SUSPENDED: 'mailbox-suspended',
};

/** The errors whose cause is the network's own word for what happened. */
const FROM_NETWORK: ReadonlySet<string> = new Set<ErrorCode>([
  'ERR_SMTP_CONNECT',
  'ERR_SMTP_TLS',
  'ERR_SMTP_CLOSED',
  'ERR_SMTP_TIMEOUT',
  'ERR_OAUTH_UNREACHABLE',
  'ERR_OAUTH_TIMEOUT',
]);

/**
 * Says what happened, why, and what to do about it.
 *
 * Takes an error of this package, a reply of a mail server, an answer of a token endpoint (`{ status, error, description }`
 * or its JSON), an error of MSAL or nodemailer, a line of a log, or an error with one of these as its cause. Of anything
 * else it says that it is not about mail. Never throws; repeats nothing but what servers said.
 *
 * ```ts
 * const { title, remedy, command } = explain(error, { model: 'app-rbac', values: { mailbox: 'noreply@contoso.com' } });
 * ```
 */
export function explain(thing: unknown, context: ExplainContext = {}): Explanation {
  try {
    return explainChain(causesOf(thing), context);
  } catch {
    // A getter or proxy of somebody else's object threw: nothing can be read from it, which is what "unknown" says.
    return explainSimply('unknown', {}, context);
  }
}

/**
 * Explains the state `Get-HVEAccountBillingPolicy` reports for a High Volume Email account, such as
 * `NoConnectedBillingPolicyFound`. `undefined` for `BillingPolicyValid`.
 */
export function explainHveBilling(state: string, context: ExplainContext = {}): Explanation | undefined {
  if (state === HVE_BILLING_VALID) return undefined;
  const entry = otherEntry('hve-billing');
  return explanationOf(entry, entry, { billingState: tidy(state, 80) }, context);
}

/** The outermost thing that says something: frameworks wrap what we threw, and we wrap what others threw. */
function explainChain(chain: readonly unknown[], context: ExplainContext): Explanation {
  let facts: Facts = {};
  let otherwise: SimpleId = 'unknown';
  for (const [depth, link] of chain.entries()) {
    facts = { ...facts, ...factsOf(link, facts.errorCode === undefined) };
    const code = errorCodeOf(link);
    const id = code && ONLY_CAUSES[code];
    const explanation = id ? undefined : explainLink(link, chain.slice(depth), facts, context);
    if (explanation !== undefined) return explanation;
    otherwise = id ?? otherwise;
  }
  return explainNetwork(chain, facts, context) ?? explainSimply(otherwise, facts, context);
}

function explainLink(
  link: unknown,
  chain: readonly unknown[],
  facts: Facts,
  context: ExplainContext,
): Explanation | undefined {
  const code = errorCodeOf(link);
  const reply = replyOf(link);
  if (reply !== undefined) return explainReply(reply, facts, context);

  if (code !== undefined && FROM_NETWORK.has(code)) {
    const network = explainNetwork(chain, facts, context);
    if (network !== undefined) return network;
  }
  const answer = code === 'ERR_OAUTH_MALFORMED' ? undefined : oauthAnswerOf(link);
  if (answer !== undefined) return explainOAuth(answer, facts, context);

  const id = (code && TOKEN_ERRORS[code]) ?? OWN_ERRORS.find(({ codes }) => codes.some((own) => own === code))?.id;
  return id && explainSimply(id, facts, context);
}

function explainNetwork(chain: readonly unknown[], facts: Facts, context: ExplainContext): Explanation | undefined {
  for (const link of chain) {
    const systemCode = textOf(link, 'code');
    const entry = NETWORK.find(({ codes }) => codes.some((code) => code === systemCode));
    if (entry !== undefined && systemCode !== undefined) {
      return explanationOf(entry, entry, { ...facts, systemCode }, context);
    }
  }
  return undefined;
}

function explainSimply(id: SimpleId, facts: Facts, context: ExplainContext): Explanation {
  const entry = otherEntry(id);
  return explanationOf(entry, entry, facts, context);
}

/** What else a link says. Only the outermost error of ours is about the message at hand; a cause may be about another. */
function factsOf(link: unknown, isOutermost: boolean): Facts {
  const errorCode = errorCodeOf(link);
  const stage = stageOf(link);
  const challenge = challengeOf(link);
  const heldBack = errorCode?.startsWith('ERR_MAILER_') ? numberOf(link, 'retryAfter') : undefined;
  return {
    ...(errorCode && { errorCode }),
    ...(stage && { stage }),
    ...(isOutermost && property(link, 'mayHaveBeenSent') === true && { mayHaveBeenSent: true }),
    ...(heldBack !== undefined && { heldBack }),
    ...(challenge && { challenge }),
  };
}
