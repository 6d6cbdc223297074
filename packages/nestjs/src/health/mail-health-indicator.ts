// How the mailers stand, as Terminus wants to hear it.
import { Inject, Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { MailRegistry } from '../mail-registry.ts';
import { LoginChecks } from './login-checks.ts';
import { type MailerReport, reportOf, worstOf } from './mailer-report.ts';

export interface MailHealthOptions {
  /** Names of the mailers to look at. Default: those of `MailModule`; who the tenants are is not for everybody. */
  readonly mailers?: readonly string[];
}

export interface MailLoginOptions extends MailHealthOptions {
  /** Milliseconds a login stands for: it is not tried again before. Default 5 min. */
  readonly maxAge?: number;
  /** Milliseconds for a login. Default 10 s. */
  readonly deadline?: number;
}

/** What a check says of the mailers, apart from `status`. */
export interface MailHealthDetails extends Record<string, unknown> {
  readonly mailers: Readonly<Record<string, MailerReport>>;
}

/**
 * For `HealthCheckService.check([() => mail.check()])`. Results hold no address. Terminus 12 knows `degraded` (mail flows,
 * slower or with a warning), which is HTTP 200; Terminus 11 is told `up`, with the word in the mailer's report.
 */
@Injectable()
export class MailHealthIndicator {
  readonly #indicators: HealthIndicatorService;
  readonly #registry: MailRegistry;
  readonly #logins = new LoginChecks();

  constructor(
    @Inject(HealthIndicatorService) indicators: HealthIndicatorService,
    @Inject(MailRegistry) registry: MailRegistry,
  ) {
    this.#indicators = indicators;
    this.#registry = registry;
  }

  /** From what happened so far: nothing is sent, fetched or connected, so it may be asked every second. */
  check<const Key extends string = 'mail'>(
    key: Key = 'mail' as Key,
    { mailers = this.#registry.fixedNames }: MailHealthOptions = {},
  ): HealthIndicatorResult<Key> {
    return this.#result(
      key,
      mailers.map((name) => [name, reportOf(this.#registry.get(name).health())]),
    );
  }

  /**
   * Gets a token, connects and logs in, at most once in `maxAge` for each mailer, however often it is asked. For a page that
   * people look at, not for a probe: servers count logins.
   */
  async checkLogin<const Key extends string = 'mail'>(
    key: Key = 'mail' as Key,
    { mailers = this.#registry.fixedNames, maxAge = 300_000, deadline = 10_000 }: MailLoginOptions = {},
  ): Promise<HealthIndicatorResult<Key>> {
    const check = async (name: string): Promise<[string, MailerReport]> => {
      const client = this.#registry.get(name);
      const failure = await this.#logins.failureOf(client, { maxAge, deadline });
      return [name, reportOf(client.health(), failure)];
    };
    return this.#result(key, await Promise.all(mailers.map(check)));
  }

  #result<Key extends string>(key: Key, reports: readonly [string, MailerReport][]): HealthIndicatorResult<Key> {
    const session = this.#indicators.check(key);
    const details: MailHealthDetails = { mailers: Object.fromEntries(reports) };
    const status = worstOf(reports.map(([, report]) => report.status));
    if (status === 'down') return session.down(details);
    // Terminus 11 has no third status.
    return status === 'degraded' && 'degraded' in session ? session.degraded(details) : session.up(details);
  }
}
