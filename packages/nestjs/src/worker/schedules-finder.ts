// Finds the methods under @ScheduledMail() when the application starts.
import { InputError } from '@mailgrant/core';
import type { AnySchedule, Occurrence, Recipients, Rendered } from '@mailgrant/worker';
import { Inject, Injectable } from '@nestjs/common';
import { DiscoveryService, MetadataScanner, Reflector } from '@nestjs/core';
import { SCHEDULED_MAIL, type ScheduledMailOptions } from './scheduled-mail.ts';

type Methods = Readonly<Record<string, unknown>>;

@Injectable()
export class SchedulesFinder {
  readonly #discovery: DiscoveryService;
  readonly #scanner: MetadataScanner;
  readonly #reflector: Reflector;

  constructor(
    @Inject(DiscoveryService) discovery: DiscoveryService,
    @Inject(MetadataScanner) scanner: MetadataScanner,
    @Inject(Reflector) reflector: Reflector,
  ) {
    this.#discovery = discovery;
    this.#scanner = scanner;
    this.#reflector = reflector;
  }

  /** @throws TypeError `ERR_INPUT_OPTION` for a method of recipients that is not there, and a provider made anew for each request */
  find(): readonly AnySchedule[] {
    const found: AnySchedule[] = [];
    const seen = new Set<object>(); // an alias of a provider is another entry with the same instance
    for (const wrapper of this.#discovery.getProviders()) {
      const instance: unknown = wrapper.instance;
      if (typeof instance !== 'object' || instance === null || seen.has(instance)) continue;
      seen.add(instance);
      for (const name of this.#scanner.getAllMethodNames(Object.getPrototypeOf(instance))) {
        const method = (instance as Methods)[name];
        if (typeof method !== 'function') continue;
        const options = this.#reflector.get<ScheduledMailOptions | undefined>(SCHEDULED_MAIL, method);
        if (options === undefined) continue;
        const where = `${String(wrapper.name)}.${name}`;
        if (!wrapper.isDependencyTreeStatic()) {
          throw new InputError(
            'ERR_INPUT_OPTION',
            `${where}: a provider that is made anew for each request has no schedules`,
          );
        }
        found.push(toSchedule(where, instance as Methods, name, options));
      }
    }
    return found;
  }
}

function toSchedule(
  where: string,
  instance: Methods,
  method: string,
  { recipients, ...options }: ScheduledMailOptions,
): AnySchedule {
  const call = <T>(name: string, argument: unknown): T =>
    (instance[name] as (argument: unknown) => T).call(instance, argument);
  if (recipients !== undefined && typeof instance[recipients] !== 'function') {
    throw new InputError('ERR_INPUT_OPTION', `${where}: there is no method "${recipients}" for its recipients`);
  }
  return {
    ...options,
    render: (context) => call<Rendered | Promise<Rendered>>(method, context),
    ...(recipients !== undefined && {
      recipients: (occurrence: Occurrence) =>
        call<Recipients<unknown> | Promise<Recipients<unknown>>>(recipients, occurrence),
    }),
  };
}
