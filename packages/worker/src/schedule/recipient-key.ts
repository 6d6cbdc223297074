// What tells the recipients of an occurrence apart, the same in every attempt.
import { InputError } from '@mailgrant/core';
import type { Schedule } from './definition.ts';

const FIELDS = ['key', 'id', 'to', 'email'] as const;

/** @throws TypeError `ERR_INPUT_OPTION` for a recipient without one. */
export function keyOf({ id, definition }: Schedule, recipient: unknown): string {
  const key = definition.key === undefined ? defaultKey(recipient) : definition.key(recipient);
  if ((typeof key === 'string' && key !== '') || typeof key === 'number') return String(key);
  throw new InputError(
    'ERR_INPUT_OPTION',
    `schedules.${id}.key: a recipient has none; yield texts, or objects with ${FIELDS.join(', ')}, or give the function key`,
  );
}

function defaultKey(recipient: unknown): unknown {
  if (typeof recipient !== 'object' || recipient === null) return recipient;
  for (const field of FIELDS) {
    const value: unknown = Reflect.get(recipient, field);
    if (typeof value === 'string' || typeof value === 'number') return value;
  }
  return undefined;
}
