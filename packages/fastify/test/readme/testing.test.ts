import { fastify } from 'fastify';
import { fakeMail } from '../../src/testing/index.ts';
import { expect, test } from 'vitest';
import { application } from './application.ts';

test('orders are confirmed', async () => {
  const app = fastify();
  const mail = fakeMail(app); // before the application registers its mailers
  await app.register(application);

  const response = await app.inject({ method: 'POST', url: '/orders', payload: { to: 'ada@example.org' } });
  expect(response.statusCode).toBe(200);
  mail().assertSent({ to: 'ada@example.org', subject: /order/ }, { times: 1 });
  mail('billing').assertNothingSent();
});
