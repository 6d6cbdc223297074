export * from '@mailgrant/mail/testing';
export { fakeMail, type FakeMail } from './fake-mail.ts';
