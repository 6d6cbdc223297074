// What compiles and what must not. The names hold for the tests of this package, too.
import { fastify } from 'fastify';
import { expectTypeOf } from 'vitest';
import mail, {
  type FastifyMail,
  type MailClient,
  type MailerName,
  type RequestMail,
  type SentMail,
} from '../src/index.ts';
import connect from '../src/connect/index.ts';

declare module '../src/index.ts' {
  interface MailerNames {
    billing: true;
    reports: true;
  }
}

const app = fastify();
expectTypeOf(app.mail).toEqualTypeOf<FastifyMail>();
expectTypeOf<MailerName>().toEqualTypeOf<'default' | 'billing' | 'reports'>();
expectTypeOf(app.mail.mailer('billing')).toEqualTypeOf<MailClient>();
expectTypeOf(app.mail.send({ to: 'ada@example.org' })).resolves.toEqualTypeOf<SentMail>();
// @ts-expect-error: there is no mailer of this name
app.mail.mailer('nope');
expectTypeOf(app.mail.resolve('any tenant')).resolves.toEqualTypeOf<MailClient>();

app.get('/', async (request) => {
  expectTypeOf(request.mail).toEqualTypeOf<RequestMail>();
  expectTypeOf(request.mail.mailer('reports').send({})).resolves.toEqualTypeOf<SentMail>();
  // @ts-expect-error: there is no mailer of this name
  request.mail.mailer('nope');
});

void app.register(mail, {
  user: 'noreply@contoso.com',
  tenantId: 'contoso.com',
  clientId: 'id',
  clientSecret: 'secret',
});
void app.register(mail, {
  account: { user: 'noreply@contoso.com' },
  alwaysTo: 'me@contoso.com',
  verifyOnReady: 'warn',
});
void app.register(mail, { mailers: { billing: { user: 'billing@contoso.com' } } });
void app.register(mail, { resolve: async () => undefined, idleAfter: 60_000 });
void app.register(mail, { mailer: app.mail.mailer(), name: 'reports', closeClient: true });
void app.register(import('../src/index.ts'), { user: 'noreply@contoso.com' });
// @ts-expect-error: no such option
void app.register(mail, { usr: 'noreply@contoso.com' });
// @ts-expect-error: not a mode
void app.register(mail, { user: 'noreply@contoso.com', verifyOnReady: true });
// @ts-expect-error: nobody guards it
void app.register(connect, { connection: () => undefined });
