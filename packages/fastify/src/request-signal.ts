// A signal that is aborted when a request ends before its answer: the caller hung up, or was told that it took too long.
import type { ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';

const responses = new WeakMap<FastifyRequest, FastifyReply['raw']>();
const signals = new WeakMap<FastifyRequest, AbortSignal>();

/** Fastify tells a request nothing of its response. */
export function noteResponse(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
  responses.set(request, reply.raw);
  done();
}

/** Made when it is asked for: most requests send no mail. */
export function signalOf(request: FastifyRequest): AbortSignal {
  const known = signals.get(request);
  if (known !== undefined) return known;
  const hungUp = new AbortController();
  const response: ServerResponse | undefined = responses.get(request);
  const end = (): void => {
    // Closed without its end: what was answered in full may go on sending.
    if (response?.writableEnded === false) hungUp.abort(new Error('the request ended before it was answered'));
  };
  if (response?.closed === true) end();
  else response?.once('close', end);
  const signal = AbortSignal.any([hungUp.signal, ...timeLimit(request)]);
  signals.set(request, signal);
  return signal;
}

/** Fastify's own signal, since 5.8 and of a route with `handlerTimeout`. Without one it ends with every request, answered or not. */
function timeLimit(request: FastifyRequest): AbortSignal[] {
  const { handlerTimeout } = request.routeOptions as { readonly handlerTimeout?: number };
  const { signal } = request as Partial<Pick<FastifyRequest, 'signal'>>;
  return handlerTimeout !== undefined && handlerTimeout > 0 && signal !== undefined ? [signal] : [];
}
