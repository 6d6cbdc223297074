import { fastify } from 'fastify';
import mail, { html, mailOptionsFromEnv } from '../../src/index.ts';

export const app = fastify({ logger: true });
await app.register(mail, mailOptionsFromEnv()); // MAIL_USER, MAIL_TENANT_ID, MAIL_CLIENT_ID, MAIL_CLIENT_SECRET …

app.post<{ Body: { to: string; name: string } }>('/orders', async (request) => {
  const { to, name } = request.body;
  await request.mail.send({ to, subject: 'Your order', html: html`<p>Thank you, ${name}!</p>` });
  return { ordered: true };
});

await app.listen({ port: Number(process.env['PORT'] ?? 3000) });
