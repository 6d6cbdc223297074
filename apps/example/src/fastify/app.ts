// A Fastify application that sends mail, as a plugin: it runs as a process, in the demo and in tests.
import mail, { html, type MailPluginOptions } from '@mailgrant/fastify';
import type { FastifyInstance } from 'fastify';

interface Order {
  readonly email: string;
  readonly name: string;
}

const ORDER = {
  type: 'object',
  required: ['email', 'name'],
  properties: { email: { type: 'string' }, name: { type: 'string' } },
};

export async function application(app: FastifyInstance, options: { readonly mail: MailPluginOptions }): Promise<void> {
  await app.register(mail, options.mail);

  /** Answers when the mail is on its way: `{ "accepted": ["guest@example.com"] }`. */
  app.post<{ Body: Order }>('/orders', { schema: { body: ORDER } }, async (request, reply) => {
    const { email, name } = request.body;
    const { accepted } = await request.mail.send({
      to: email,
      subject: 'Your order',
      html: html`<p>Dear ${name},</p>
        <p>thank you for your order.</p>`,
    });
    return reply.code(202).send({ accepted });
  });

  app.get('/health', async (_request, reply) => {
    const { status } = app.mail.health();
    return reply.code(status === 'down' ? 503 : 200).send({ status });
  });
}
