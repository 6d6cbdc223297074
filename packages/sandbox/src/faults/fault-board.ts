// All faults that wait, of every service: set by name or as they are, listed, removed.
import { type EntraFault, type EntraFaults, ENTRA_POINT } from '../entra/fault.ts';
import { problem } from '../entra/problem.ts';
import type { ExchangeFault, ExchangeFaults, FaultPoint } from '../exchange/fault.ts';
import type { WaitingFault } from './fault-list.ts';
import { FAULTS, readFault } from './named-fault.ts';

/** How a fault that was asked for by name is to strike. */
export interface NamedFaultOptions {
  /** How often; default 1, `Infinity`: until it is removed. */
  readonly times?: number;
  /** Where a fault of the SMTP server strikes; default: Exchange Online. */
  readonly on?: 'exchange' | 'hve';
}

export class FaultBoard {
  readonly #entra: EntraFaults;
  readonly #smtp: Readonly<Record<'exchange' | 'hve', ExchangeFaults>>;

  constructor(entra: EntraFaults, smtp: Readonly<Record<'exchange' | 'hve', ExchangeFaults>>) {
    this.#entra = entra;
    this.#smtp = smtp;
  }

  /** @throws TypeError for a word that stands for no fault */
  byName(word: string, { times = 1, on }: NamedFaultOptions = {}): WaitingFault {
    const named = readFault(word);
    if (named === undefined) throw new TypeError(`there is no fault ${JSON.stringify(word)}; there are: ${known()}`);
    if (named.on === 'entra') {
      if (on !== undefined) throw new TypeError(`${named.name} is a fault of Entra ID, not of an SMTP server`);
      return this.#entra.add(ENTRA_POINT, { ...named.fault, times }, named.name);
    }
    return this.#smtp[on ?? named.on].add(named.point, { ...named.fault, times }, named.name);
  }

  /** @throws TypeError for an AADSTS number that is not in the table */
  entra(fault: EntraFault): WaitingFault {
    if (fault.aadsts !== undefined) problem(fault.aadsts); // known, or said here rather than in the middle of a request
    return this.#entra.add(ENTRA_POINT, fault);
  }

  smtp(on: 'exchange' | 'hve', point: FaultPoint, fault: ExchangeFault): WaitingFault {
    return this.#smtp[on].add(point, fault);
  }

  waiting(): readonly WaitingFault[] {
    return this.#all().flatMap((list) => list.waiting());
  }

  /** `false` when there is none with this id. */
  remove(id: string): boolean {
    return this.#all().some((list) => list.remove(id));
  }

  clear(): void {
    for (const list of this.#all()) list.clear();
  }

  #all(): readonly (EntraFaults | ExchangeFaults)[] {
    return [this.#entra, this.#smtp.exchange, this.#smtp.hve];
  }
}

const known = (): string => FAULTS.map(({ name }) => name).join(', ');
