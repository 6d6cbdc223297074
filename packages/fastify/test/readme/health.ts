import underPressure from '@fastify/under-pressure';
import type { FastifyInstance } from 'fastify';

export async function probes(app: FastifyInstance) {
  await app.register(underPressure, {
    exposeStatusRoute: { url: '/ready', routeOpts: {}, routeResponseSchemaOpts: { mail: { type: 'string' } } },
    healthCheck: async () => ({ mail: app.mail.health().status }), // 'up', 'degraded' or 'down'
  });
}
