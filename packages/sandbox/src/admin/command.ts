// What an administrator's command is, and how it reads its parameters.
import { ApiError, type JsonObject } from '../api.ts';
import { editTenant, findTenant, type Tenant } from '../directory.ts';
import type { DirectoryHandle } from '../directory-state.ts';
import type { Entra } from '../entra/entra.ts';

/** What a parameter may be; with `?` it may be left out. */
type ParameterKind = `${'text' | 'texts' | 'boolean' | 'boolean or null' | 'number'}${'' | '?'}`;

/** One command: the effect of a cmdlet, without its syntax. */
export interface AdminCommand {
  /** What it does, in a sentence. */
  readonly says: string;
  readonly parameters: Readonly<Record<string, ParameterKind>>;
  readonly run: (call: AdminCall) => unknown;
}

export type AdminCommands = Readonly<Record<string, AdminCommand>>;

export interface AdminSource {
  readonly directory: DirectoryHandle;
  readonly entra: Entra;
  readonly now: () => number;
}

/** A command on its way: the tenant it is for, and its parameters, which are of the kinds they should be. */
export class AdminCall {
  readonly source: AdminSource;
  readonly #tenantId: string;
  readonly #parameters: JsonObject;

  constructor(source: AdminSource, tenantId: string, parameters: JsonObject) {
    this.source = source;
    this.#tenantId = tenantId;
    this.#parameters = parameters;
  }

  /** As it is now. */
  get tenant(): Tenant {
    return found(findTenant(this.source.directory.current, this.#tenantId), this.#tenantId);
  }

  text(name: string): string {
    return this.#parameters[name] as string;
  }

  maybeText(name: string): string | undefined {
    return this.#parameters[name] as string | undefined;
  }

  texts(name: string): readonly string[] {
    return this.#parameters[name] as readonly string[];
  }

  maybeTexts(name: string): readonly string[] | undefined {
    return this.#parameters[name] as readonly string[] | undefined;
  }

  flag(name: string): boolean {
    return this.#parameters[name] as boolean;
  }

  maybeFlag(name: string): boolean | undefined {
    return this.#parameters[name] as boolean | undefined;
  }

  /** `undefined` for `null`. */
  nullableFlag(name: string): boolean | undefined {
    return (this.#parameters[name] as boolean | null) ?? undefined;
  }

  maybeNumber(name: string): number | undefined {
    return this.#parameters[name] as number | undefined;
  }

  /** One of `words`. @throws ApiError */
  word<Word extends string>(name: string, words: readonly Word[]): Word {
    const word = words.find((one) => one.toLowerCase() === this.text(name).toLowerCase());
    if (word === undefined) throw new ApiError(400, `${name}: expected one of ${words.join(', ')}`);
    return word;
  }

  edit(change: (tenant: Tenant) => Partial<Tenant>): void {
    this.source.directory.update((directory) =>
      editTenant(directory, this.#tenantId, (tenant) => ({ ...tenant, ...change(tenant) })),
    );
  }
}

/** @throws ApiError in Exchange's words, for what is not there */
export function found<T>(object: T | undefined, name: string): T {
  if (object !== undefined) return object;
  throw new ApiError(404, `The operation couldn't be performed because object '${name}' couldn't be found.`);
}

export const same = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();

const FITS: Readonly<Record<string, (value: unknown) => boolean>> = {
  text: (value) => typeof value === 'string' && value !== '',
  texts: (value) => Array.isArray(value) && value.every((one) => typeof one === 'string' && one !== ''),
  boolean: (value) => typeof value === 'boolean',
  'boolean or null': (value) => typeof value === 'boolean' || value === null,
  number: (value) => typeof value === 'number' && value >= 0,
};

/** @throws ApiError naming the parameter */
export function checkParameters(kinds: AdminCommand['parameters'], parameters: JsonObject): void {
  for (const name of Object.keys(parameters)) {
    if (kinds[name] === undefined) {
      throw new ApiError(400, `${name}: no such parameter; there are: ${Object.keys(kinds).join(', ')}`);
    }
  }
  for (const [name, kind] of Object.entries(kinds)) {
    const value = parameters[name];
    const optional = kind.endsWith('?');
    const wanted = optional ? kind.slice(0, -1) : kind;
    if (value === undefined && optional) continue;
    if (FITS[wanted]?.(value) !== true) throw new ApiError(400, `${name}: expected ${EXPECTED[wanted]}`);
  }
}

const EXPECTED: Readonly<Record<string, string>> = {
  text: 'a text',
  texts: 'an array of texts',
  boolean: 'true or false',
  'boolean or null': 'true, false or null',
  number: 'a number',
};
