// The Fastify application for the demo: on a free port, without a log.
import type { MailClientOptions } from '@mailgrant/mail';
import { fastify } from 'fastify';
import type { Served } from '../frameworks.ts';
import { application } from './app.ts';

export async function serve({ account, defaults }: MailClientOptions): Promise<Served> {
  const app = fastify();
  await app.register(application, { mail: { account, defaults } });
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  return { framework: 'Fastify', url, close: () => app.close() };
}
