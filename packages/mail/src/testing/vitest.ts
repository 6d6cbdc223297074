// Matchers for vitest 5 and later: expect.extend(mailMatchers). Nothing of vitest is loaded here but its types.
import type {} from 'vitest';
import type { MailMatch } from './match.ts';
import { listed, type MatchedClient, type MatchResult, sentMailMatching, sentMailTo } from './matchers.ts';

declare module 'vitest' {
  // The parameters have to be those of vitest's own interface.
  interface Matchers<R extends void | Promise<void>, T = unknown> {
    /** A mail was sent that fits: `expect(client).toHaveSentMail({ to: 'ada@example.org', subject: /invoice/i })`. */
    toHaveSentMail(match?: MailMatch): R;
    /** A mail was sent to this address, as `to`, `cc` or `bcc`. */
    toHaveSentMailTo(address: string | RegExp): R;
    /** So many mails were sent. */
    toHaveSentMails(count: number): R;
  }
}

/** What `expect.extend()` takes, here and in jest. A type alias, which fits an index signature where an interface does not. */
export type MailMatchers = {
  toHaveSentMail(received: unknown, match?: MailMatch): MatchResult;
  toHaveSentMailTo(received: unknown, address: string | RegExp): MatchResult;
  toHaveSentMails(received: unknown, count: number): MatchResult;
};

export const mailMatchers: MailMatchers = {
  toHaveSentMail: (received, match) => sentMailMatching(clientOf(received), match),
  toHaveSentMailTo: (received, address) => sentMailTo(clientOf(received), address),
  toHaveSentMails(received, count) {
    const { sent } = clientOf(received);
    const pass = sent.length === count;
    return {
      pass,
      message: () => `expected ${pass ? 'another number of mails than ' : ''}${count}, sent ${listed(sent)}`,
    };
  },
};

function clientOf(received: unknown): MatchedClient {
  if (typeof received === 'object' && received !== null && 'sent' in received && Array.isArray(received.sent)) {
    return received as MatchedClient;
  }
  throw new TypeError('expected a fake mail client: createFakeMailClient() of @mailgrant/mail/testing makes one');
}
