// What callers hand over, checked at the door.
import { InputError } from '@mailgrant/core';

/** The name of a mailbox becomes a part of names in the database. */
export function checkName(name: unknown, what: string): string {
  if (typeof name === 'string' && /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/.test(name)) return name;
  throw new InputError(
    'ERR_INPUT_OPTION',
    `${what}: a name of up to 63 letters, digits and _ . -, got ${JSON.stringify(name)?.slice(0, 80)}`,
  );
}

/** Epoch milliseconds of a Date or a number. */
export function toTime(value: Date | number, what: string): number {
  const time = value instanceof Date ? value.getTime() : value;
  // 9999-12-31: beyond it a Date header has no form.
  if (typeof time === 'number' && Number.isFinite(time) && time >= 0 && time < 253_402_300_800_000)
    return Math.floor(time);
  throw new InputError('ERR_INPUT_OPTION', `${what}: a Date or epoch milliseconds`);
}

export function checkWhole(value: unknown, least: number, most: number, what: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  throw new InputError('ERR_INPUT_OPTION', `${what}: a whole number from ${least} to ${most}`);
}

/** What the database would change, or refuse, is none: NUL, and halves of characters. */
export function checkText(value: unknown, most: number, what: string): string {
  const fits = typeof value === 'string' && value.length > 0 && value.length <= most;
  if (fits && !/\p{Surrogate}/u.test(value) && !value.includes('\0')) return value;
  throw new InputError('ERR_INPUT_OPTION', `${what}: a text of 1 to ${most} characters`);
}
