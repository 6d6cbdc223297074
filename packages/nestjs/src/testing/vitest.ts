// Matchers for vitest 5 and later: expect.extend(mailMatchers).
export { mailMatchers, type MailMatchers } from '@mailgrant/mail/testing/vitest';
