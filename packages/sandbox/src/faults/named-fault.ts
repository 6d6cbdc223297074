// Faults by one word: a name, an AADSTS number, or a reply; and that word in an address.
import { AADSTS } from '../entra/aadsts.ts';
import type { EntraFault } from '../entra/fault.ts';
import { type ExchangeFault, FAULT_POINTS, type FaultPoint } from '../exchange/fault.ts';
import { ENTRA_FAULTS } from './entra-faults.ts';
import { EXCHANGE_FAULTS, HVE_FAULTS } from './exchange-faults.ts';

/** The name of a fault; `FAULTS` tells what each does. */
export type FaultName = keyof typeof ENTRA_FAULTS | keyof typeof EXCHANGE_FAULTS | keyof typeof HVE_FAULTS;

/**
 * A name; `aadsts-7000229`, for any row of `AADSTS`; or a reply: `550-5.7.708` to RCPT, `message-554-5.2.0` to the end of
 * the message, and likewise for every other point (`greeting`, `auth`, `mail`, …).
 */
export type FaultWord =
  | FaultName
  | `aadsts-${number}`
  | `${number}${string}`
  | `${Lowercase<FaultPoint>}-${number}${string}`;

/** A fault that can be asked for by name. */
export type NamedFault = {
  readonly name: string;
  /** What it does, in a sentence. */
  readonly says: string;
} & (
  | { readonly on: 'entra'; readonly fault: EntraFault }
  | { readonly on: 'exchange' | 'hve'; readonly point: FaultPoint; readonly fault: ExchangeFault }
);

const entries = <T>(table: Readonly<Record<string, T>>): [string, T][] => Object.entries(table);

/** Every fault that has a name. */
export const FAULTS: readonly NamedFault[] = [
  ...entries(ENTRA_FAULTS).map(([name, row]): NamedFault => ({ name, on: 'entra', ...row })),
  ...entries(EXCHANGE_FAULTS).map(([name, row]): NamedFault => ({ name, on: 'exchange', ...row })),
  ...entries(HVE_FAULTS).map(([name, row]): NamedFault => ({ name, on: 'hve', ...row })),
];

const REPLY = /^(?:([a-z]+)-)?([45]\d\d)(?:-([45]\.\d{1,3}\.\d{1,3}))?$/;

/** The fault a word stands for; `undefined` for none. */
export function readFault(word: string): NamedFault | undefined {
  const name = word.toLowerCase();
  const named = FAULTS.find((one) => one.name === name);
  if (named !== undefined) return named;
  const aadsts = Number(/^aadsts-?(\d+)$/.exec(name)?.[1]);
  const row = AADSTS.get(aadsts);
  if (row !== undefined) return { name, says: row.text, on: 'entra', fault: { aadsts } };
  const [, at = 'rcpt', code, status] = REPLY.exec(name) ?? [];
  const point = FAULT_POINTS.find((one) => one.toLowerCase() === at);
  if (code === undefined || point === undefined) return undefined;
  const reply = [code, status, 'The sandbox was asked for this reply', '[server time session]'];
  const says = `${point} is answered with ${code}.`;
  return { name, says, on: 'exchange', point, fault: { reply: reply.filter((part) => part !== undefined).join(' ') } };
}

/** The word in `fault+<word>@anywhere` or `<word>@fault.test`; `undefined` in every other address. */
export function faultWordOf(address: string): string | undefined {
  const at = address.lastIndexOf('@');
  const [local, domain] = [address.slice(0, at).toLowerCase(), address.slice(at + 1).toLowerCase()];
  if (local.startsWith('fault+')) return local.slice('fault+'.length);
  return domain === 'fault.test' ? local : undefined;
}
