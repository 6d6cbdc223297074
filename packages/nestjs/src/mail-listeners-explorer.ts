// Finds the methods under @OnMailEvent() and @BeforeMailSend() when the application starts.
import type { MailEvents } from '@mailgrant/mail';
import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService, MetadataScanner, Reflector } from '@nestjs/core';
import { type BeforeSend, MAIL_EVENTS, type MailEventName } from './mail-events.ts';
import { listenerKey, type MailListenerOptions } from './mail-listeners.ts';
import { MailRegistry } from './mail-registry.ts';

type Method = (...args: readonly unknown[]) => unknown;

@Injectable()
export class MailListenersExplorer implements OnModuleInit {
  readonly #discovery: DiscoveryService;
  readonly #scanner: MetadataScanner;
  readonly #reflector: Reflector;
  readonly #registry: MailRegistry;

  constructor(
    @Inject(DiscoveryService) discovery: DiscoveryService,
    @Inject(MetadataScanner) scanner: MetadataScanner,
    @Inject(Reflector) reflector: Reflector,
    @Inject(MailRegistry) registry: MailRegistry,
  ) {
    this.#discovery = discovery;
    this.#scanner = scanner;
    this.#reflector = reflector;
    this.#registry = registry;
  }

  onModuleInit(): void {
    const seen = new Set<object>(); // an alias of a provider is another entry with the same instance
    for (const wrapper of [...this.#discovery.getProviders(), ...this.#discovery.getControllers()]) {
      const instance: unknown = wrapper.instance;
      if (typeof instance !== 'object' || instance === null || seen.has(instance)) continue;
      seen.add(instance);
      const lives = wrapper.isDependencyTreeStatic();
      for (const name of this.#scanner.getAllMethodNames(Object.getPrototypeOf(instance))) {
        const method = (instance as Record<string, unknown>)[name];
        if (typeof method === 'function')
          this.#wire(`${String(wrapper.name)}.${name}`, instance, method as Method, lives);
      }
    }
  }

  #wire(where: string, instance: object, method: Method, lives: boolean): void {
    for (const event of [...MAIL_EVENTS, 'beforeSend'] as const) {
      const options = this.#reflector.get<MailListenerOptions | undefined>(listenerKey(event), method);
      if (options === undefined) continue;
      if (!lives) {
        new Logger('MailModule').warn(`${where} hears nothing of mails: it is made anew for each request`);
      } else if (event === 'beforeSend') {
        this.#registry.beforeSend(method.bind(instance) as BeforeSend, options);
      } else {
        const listener = (happened: MailEvents[MailEventName]): unknown => method.call(instance, happened);
        this.#registry.on(event, listener, { ...options, where });
      }
    }
  }
}
