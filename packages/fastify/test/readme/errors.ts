import type { FastifyInstance } from 'fastify';
import { httpProblem, isMailError } from '../../src/index.ts';

export function answers(app: FastifyInstance) {
  app.setErrorHandler(async (error, request, reply) => {
    if (!isMailError(error)) throw error; // leaves it to Fastify
    request.log.error({ err: error }); // with its cause, which has all the words
    const { status, title, code } = httpProblem(error);
    return reply.code(status).type('application/problem+json').send({ status, title, code });
  });
}
