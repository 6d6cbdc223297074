export { fakeMailer, type Getter, MailTestingModule, type MailTestingOptions } from './mail-testing-module.ts';
export {
  type FakeMailClient,
  type FakeSentMail,
  type MailMatch,
  type MatchResult,
  sentMailMatching,
  sentMailTo,
} from '@mailgrant/mail/testing';
