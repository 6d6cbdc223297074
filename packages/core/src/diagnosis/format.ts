// An explanation as plain text for a terminal: what happened, why, what to do, and where that is known from.
import type { ExplanationId } from './catalogue.ts';
import type { Check } from './entry.ts';
import type { Explanation, Facts } from './explanation.ts';

/** How wide the text may be. */
export interface FormatOptions {
  /** Columns. Default 80, at least 40. Addresses of web pages are never broken. */
  readonly width?: number | undefined;
}

const LABEL = 14;

/** Explanations whose remedy has said about trying again what there is to say. */
const SAYS_ENOUGH: ReadonlySet<ExplanationId> = new Set([
  'stopped-by-caller',
  'smtp-unexpected-reply',
  'smtp-idle-closed',
  'unknown',
] as const);

/**
 * Formats an explanation for a person: plain text without colours or control characters, lines of at most 80 columns, no
 * line feed at the end. Commands can be copied as they stand; long ones are continued the way PowerShell does, with a `` ` ``.
 */
export function formatExplanation(explanation: Explanation, { width = 80 }: FormatOptions = {}): string {
  const columns = Math.max(40, Math.floor(width)) - LABEL;
  const { facts } = explanation;
  const text = (words: string): string[] => wrap(words, columns);
  const sections: readonly (readonly [label: string, lines: readonly string[]])[] = [
    ['What happened', whatHappened(facts).flatMap(text)],
    ['Why', text(explanation.cause)],
    ['What to do', text(explanation.remedy)],
    ['In PowerShell', explanation.command === undefined ? [] : continued(explanation.command, columns)],
    ['Or go to', explanation.portal === undefined ? [] : text(explanation.portal)],
    ['Check', explanation.checks.flatMap((check, index) => numbered(check, index + 1, columns))],
    ['Trying again', tryingAgain(explanation).flatMap(text)],
    ['For support', forSupport(facts).flatMap(text)],
    ['Known from', text(knownFrom(explanation))],
  ];
  const body = sections
    .filter(([, lines]) => lines.length > 0)
    .flatMap(([label, lines]) => lines.map((line, index) => (index === 0 ? label : '').padEnd(LABEL) + line));
  return [...wrap(explanation.title, columns + LABEL), `[${explanation.id}]`, '', ...body].join('\n');
}

function whatHappened(facts: Facts): string[] {
  const { reply, outerReply, sendAs, oauth, challenge, systemCode, billingState, stage, heldBack } = facts;
  const where = stage === undefined ? '' : ` (at ${stage})`;
  const outer = outerReply === undefined ? '' : `${inWords(outerReply.code, outerReply.status)}, and in it `;
  return [
    ...(heldBack ? [`Nothing is sent from this mailbox for another ${duration(heldBack)}; the reason:`] : []),
    ...(reply ? [`The server answered${where}: ${outer}${inWords(reply.code, reply.status, reply.text)}`] : []),
    ...(sendAs ? [`${sendAs.login} logged in; the message is from ${sendAs.sender}.`] : []),
    ...(challenge?.scope ? [`The server wants a token with the scope ${challenge.scope}`] : []),
    ...(oauth ? [tokenEndpointSaid(oauth)] : []),
    ...(systemCode ? [`The system said ${systemCode}${where}.`] : []),
    ...(billingState ? [`The billing policy of the account is in the state ${billingState}.`] : []),
    ...(!reply && !oauth && !systemCode && stage ? [`It happened at ${stage}.`] : []),
  ];
}

function tokenEndpointSaid({ status, error, suberror, numbers, words }: NonNullable<Facts['oauth']>): string {
  const codes = inWords(status, error, suberror, ...numbers.map((number) => `AADSTS${number}`));
  return `The token endpoint answered${codes && ` ${codes}`}${words === undefined ? '.' : `: ${words}`}`;
}

function tryingAgain({ id, class: diagnosisClass, retry, facts }: Explanation): string[] {
  if (facts.mayHaveBeenSent) {
    return [
      'The message may have gone out: its end was sent, and the answer to it was lost. Sending it again may deliver it twice.',
    ];
  }
  if (SAYS_ENOUGH.has(id)) return [];
  const { attempts, wait, longestWait, giveUpAfter, afterwards } = retry;
  const first = wait === 0 ? 'at once' : `after ${duration(wait)}`;
  if (attempts === 'one') return [`Once, ${first}. If it fails again, somebody has to act.`];
  if (attempts === 'many') {
    const helps = diagnosisClass === 'propagation' ? 'Helps only if something was changed just now' : 'Helps';
    const growing = longestWait > wait && wait > 0 ? `, then less often, up to ${duration(longestWait)} apart` : '';
    const isLimited = Number.isFinite(giveUpAfter) && afterwards === 'admin';
    return [`${helps}: ${first}${growing}.${isLimited ? ` After ${duration(giveUpAfter)} somebody has to act.` : ''}`];
  }
  const hint = facts.oauth?.hint ?? 'no';
  return [
    hint === 'no'
      ? 'Does not help until something is changed.'
      : 'May help after a short while; for good only when the cause is gone.',
  ];
}

function forSupport({ trailer, diagnostics = [], oauth }: Facts): string[] {
  const session = trailer?.sessionId && `session ${trailer.sessionId}`;
  return [
    ...(trailer ? [`server ${[trailer.server, trailer.time, session].filter(Boolean).join(', ')}`] : []),
    ...(diagnostics.length > 0 ? [`the mailbox server noted: ${diagnostics.join('; ')}`] : []),
    ...(oauth?.traceId ? [`trace id ${oauth.traceId}`] : []),
    ...(oauth?.correlationId ? [`correlation id ${oauth.correlationId}`] : []),
    ...(oauth?.timestamp ? [`time ${oauth.timestamp}`] : []),
    ...(oauth?.link ? [oauth.link] : []),
  ];
}

function knownFrom({ source: { name, url }, factDate }: Explanation): string {
  return inWords(`${name} (as of ${factDate})`, url);
}

function numbered({ text, command }: Check, number: number, columns: number): string[] {
  const mark = `${number}.`.padEnd(4);
  const lines = wrap(text, columns - mark.length);
  const commands = command === undefined ? [] : continued(command, columns - mark.length);
  return [...lines, ...commands].map((line, index) => (index === 0 ? mark : '    ') + line);
}

function inWords(...parts: readonly (string | number | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join(' ');
}

function duration(milliseconds: number): string {
  const seconds = Math.max(1, Math.round(milliseconds / 1000));
  if (seconds % 3600 === 0 || seconds > 7200) return counted(seconds / 3600, 'hour');
  if (seconds % 60 === 0 || seconds > 120) return counted(seconds / 60, 'minute');
  return counted(seconds, 'second');
}

function counted(number: number, unit: string): string {
  const count = Math.round(number);
  return count === 1 ? `1 ${unit}` : `${count} ${unit}s`;
}

/** Lines of at most `columns` characters; a longer word has a line to itself. */
function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return line === '' ? lines : [...lines, line];
}

/** A PowerShell command over several lines, broken only before a parameter or a pipe, where a backtick may stand. */
function continued(command: string, columns: number): string[] {
  const lines: string[] = [];
  for (const part of command.split(/ (?=-[A-Z]|\| )/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + part.length + 3 <= columns) lines[lines.length - 1] = `${last} ${part}`;
    else lines.push(lines.length === 0 ? part : `  ${part}`);
  }
  return lines.map((line, index) => (index < lines.length - 1 ? `${line} \`` : line));
}
