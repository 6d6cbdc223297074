// A server that sends a mail, is closed, and leaves it to the process to end.
import { fastify } from 'fastify';
import mail, { type AccountOptions } from '../src/index.ts';

const app = fastify();
await app.register(mail, JSON.parse(process.argv[2] ?? '{}') as AccountOptions);
await app.listen({ host: '127.0.0.1', port: 0 });
const { accepted } = await app.mail.send({
  from: 'noreply@contoso.com',
  to: 'ada@example.org',
  subject: 'Hello',
  text: 'Hi',
});
await app.close();
process.stdout.write(`${accepted.length === 1 ? 'sent' : 'not sent'}, closed\n`);
