export { fakeMailer, MailTestingModule, type MailTestingOptions } from './mail-testing-module.ts';
