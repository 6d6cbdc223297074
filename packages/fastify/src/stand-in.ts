// The place where tests put their fakes instead of what an application registers.
import type { FastifyInstance } from 'fastify';
import type { Registration } from './options.ts';

export type StandIn = (registration: Registration) => Registration;

/** Registered, so that two copies of this package agree. */
export const STAND_IN: unique symbol = Symbol.for('mailgrant.fastify.stand-in') as never;

/** What to do with the registrations of a scope: nothing, outside of tests. */
export function standInOf(fastify: FastifyInstance): StandIn {
  const { [STAND_IN]: standIn } = fastify as { readonly [STAND_IN]?: StandIn };
  return standIn ?? ((registration) => registration);
}
