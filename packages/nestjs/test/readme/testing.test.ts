import { fakeMailer, MailTestingModule } from '../../src/testing/index.ts';
import { Test } from '@nestjs/testing';
import { expect, test } from 'vitest';
import { AppModule, Orders } from './start.ts';

test('a customer gets a confirmation', async () => {
  const app = await Test.createTestingModule({ imports: [AppModule, MailTestingModule.forRoot()] }).compile();
  await app.get(Orders).confirm('ada@example.org', 'Ada');
  const mail = fakeMailer(app).assertSent({ to: 'ada@example.org', subject: 'Your order' });
  expect(mail.text).toContain('Thank you, Ada!');
});
