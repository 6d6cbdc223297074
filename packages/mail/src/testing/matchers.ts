// Assertions for any test runner: whether they hold, and a message that shows what was sent instead.
import type { FakeSentMail } from './fake-sent-mail.ts';
import { type MailMatch, matchesMail } from './match.ts';

/** What the `expect.extend()` of vitest and jest wants. */
export interface MatchResult {
  readonly pass: boolean;
  readonly message: () => string;
}

/** A fake client, or what wraps one and knows what was sent. */
export interface MatchedClient {
  readonly sent: readonly FakeSentMail[];
}

/** Whether a mail was sent that fits: `sentMailMatching(client, { to: 'ada@example.org', subject: /invoice/i })`. */
export function sentMailMatching(client: MatchedClient, match: MailMatch = {}): MatchResult {
  const { sent } = client;
  const pass = sent.some((mail) => matchesMail(mail, match));
  const expectation = `${pass ? 'no ' : 'a '}mail to be sent that matches ${shown(match)}`;
  return { pass, message: () => `expected ${expectation}, and there ${listed(sent)}` };
}

/** Whether a mail was sent to this address, as `to`, `cc` or `bcc`. */
export function sentMailTo(client: MatchedClient, address: string | RegExp): MatchResult {
  return sentMailMatching(client, { to: address });
}

/** What was sent, a line each. */
export function listed(sent: readonly FakeSentMail[]): string {
  if (sent.length === 0) return 'was none';
  const lines = sent.map(({ to, subject, template }) => {
    const name = template === undefined ? '' : ` (${template})`;
    return `- to ${to.join(', ')}: ${JSON.stringify(subject ?? '')}${name}`;
  });
  return `${sent.length === 1 ? 'was' : `were ${sent.length}`}:\n${lines.join('\n')}`;
}

/** A match as it would be written. */
export function shown(match: MailMatch): string {
  if (typeof match === 'function') return 'the given function';
  if (Object.keys(match).length === 0) return 'anything';
  return JSON.stringify(match, (_, value: unknown) => {
    if (value instanceof RegExp) return String(value);
    return typeof value === 'function' && 'template' in value ? value.template : value;
  });
}
