export { createFakeMailClient, type FakeMailClient, type FakeMailClientOptions } from './fake-mail-client.ts';
export type { FakeSentMail } from './fake-sent-mail.ts';
export { type MailMatch, type MailMatchFields, matchesMail } from './match.ts';
export { type MatchResult, type MatchedClient, sentMailMatching, sentMailTo } from './matchers.ts';
