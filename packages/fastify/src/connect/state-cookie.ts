// The cookie that ties a callback to the browser that began: RFC 6265, with the prefix of RFC 6265bis section 4.1.3.2.
import { timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** With `__Host-` browsers insist on Secure and on Path=/, and take it from no other host. */
const NAME = '__Host-mailgrant-connect';
// Lax: the callback is a navigation from another site, on which a strict cookie would be missing.
const ATTRIBUTES = 'Path=/; HttpOnly; Secure; SameSite=Lax';

/** Which sign-in this browser is in the middle of. */
export interface Begun {
  /** Of the mailbox. */
  readonly name: string;
  readonly state: string;
}

/** @param lifetime milliseconds */
export function rememberBegun(reply: FastifyReply, { name, state }: Begun, lifetime: number): void {
  const seconds = Math.max(0, Math.floor(lifetime / 1000));
  const value = [state, name].map(encodeURIComponent).join(':');
  reply.header('set-cookie', `${NAME}=${value}; Max-Age=${seconds}; ${ATTRIBUTES}`);
}

export function forgetBegun(reply: FastifyReply): void {
  reply.header('set-cookie', `${NAME}=; Max-Age=0; ${ATTRIBUTES}`);
}

/** What this browser began, if the callback belongs to it. */
export function recallBegun(request: FastifyRequest, stateOfCallback: unknown): Begun | undefined {
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim());
  const value = pairs.find((pair) => pair.startsWith(`${NAME}=`))?.slice(NAME.length + 1) ?? '';
  const [state = '', name = ''] = value.split(':').map(decode);
  if (typeof stateOfCallback !== 'string' || state === '' || !equal(state, stateOfCallback)) return undefined;
  return { name, state };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return ''; // not written here
  }
}

function equal(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other)];
  return left.length === right.length && timingSafeEqual(left, right);
}
