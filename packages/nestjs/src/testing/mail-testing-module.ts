// Mailers that send nothing and remember everything, for tests of whole applications and of parts.
import type { FakeMailClient } from '@mailgrant/mail/testing';
import { type DynamicModule, Inject, Module, type OnModuleInit } from '@nestjs/common';
import { MailCoreModule } from '../mail-core-module.ts';
import { MailRegistry } from '../mail-registry.ts';
import { MailService } from '../mail-service.ts';
import { DEFAULT_MAILER, getMailerToken, MAIL_CLIENT_FACTORY } from '../tokens.ts';
import { laterMailer } from './later-mailer.ts';
import { MailFakes } from './mail-fakes.ts';

export interface MailTestingOptions {
  /** Names of the mailers to provide where no MailModule does. Default: the one that has no name. */
  readonly mailers?: readonly string[];
}

const NAMES: unique symbol = Symbol.for('@mailgrant/nestjs:testing-names');

/**
 * Makes every mailer of an application, those of tenants included, one that sends nothing and remembers what it was given.
 * Beside the application's own modules (`imports: [AppModule, MailTestingModule.forRoot()]`) their options, rules and hooks
 * still hold. For a part that imports no MailModule it provides the mailers itself.
 */
@Module({})
export class MailTestingModule implements OnModuleInit {
  readonly #names: readonly string[];
  readonly #registry: MailRegistry;

  constructor(@Inject(NAMES) names: readonly string[], @Inject(MailRegistry) registry: MailRegistry) {
    this.#names = names;
    this.#registry = registry;
  }

  static forRoot({ mailers = [DEFAULT_MAILER] }: MailTestingOptions = {}): DynamicModule {
    const clients = mailers.map((name) => ({
      provide: getMailerToken(name),
      useFactory: (registry: MailRegistry) => laterMailer(name, () => registry.get(name)),
      inject: [MailRegistry],
    }));
    const service = mailers.includes(DEFAULT_MAILER) ? [MailService] : [];
    const fakes = new MailFakes();
    return {
      module: MailTestingModule,
      global: true,
      imports: [MailCoreModule],
      providers: [
        { provide: NAMES, useValue: mailers },
        { provide: MailFakes, useValue: fakes },
        { provide: MAIL_CLIENT_FACTORY, useValue: fakes },
        ...clients,
        ...service,
      ],
      exports: [MailFakes, MAIL_CLIENT_FACTORY, ...clients.map(({ provide }) => provide), ...service],
    };
  }

  /** By now every MailModule has made its own. */
  onModuleInit(): void {
    for (const name of this.#names) this.#registry.get(name);
  }
}

/**
 * The fake mailer of this name, to look into and to make fail.
 *
 * @param app the application or testing module
 * @throws when nobody has asked for such a mailer
 */
export function fakeMailer(app: Getter, name: string = DEFAULT_MAILER): FakeMailClient {
  return app.get(MailFakes, { strict: false }).get(name);
}

/** What is used of an application context. */
export interface Getter {
  get<T>(token: abstract new (...args: never[]) => T, options: { strict: boolean }): T;
}
