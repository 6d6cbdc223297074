// A Fastify application that sends mail: node apps/example/dist/fastify/main.js, with MAIL_USER, MAIL_TENANT_ID, MAIL_CLIENT_ID
// and MAIL_CLIENT_SECRET set. Then: curl localhost:3000/orders --json '{"email": "…", "name": "…"}'
import { mailOptionsFromEnv } from '@mailgrant/fastify';
import { fastify } from 'fastify';
import { application } from './app.ts';

const app = fastify({ logger: true });
await app.register(application, { mail: { ...mailOptionsFromEnv(), verifyOnReady: 'warn' } });
// Ctrl-C and SIGTERM let requests finish and their mails go out.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void app.close());
const url = await app.listen({ port: Number(process.env['PORT'] ?? 3000) });
console.log(`It listens at ${url}`);
