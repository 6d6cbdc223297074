// The outbox before the application has started: what is asked of it opens it, with the schedules that were found by then.
import { type HostedOutbox, hostOutbox, type HostOptions, lateOutbox, type Outbox } from '@mailgrant/worker';
import { Logger } from '@nestjs/common';
import type { SchedulesFinder } from './schedules-finder.ts';

export class LateHost {
  readonly outbox: Outbox = lateOutbox(async () => (await this.#open()).outbox);
  readonly #options: HostOptions;
  readonly #finder: SchedulesFinder;
  #opening: Promise<HostedOutbox> | undefined;

  constructor(options: HostOptions, finder: SchedulesFinder) {
    this.#options = options;
    this.#finder = finder;
  }

  async start(): Promise<void> {
    await (await this.#open()).start();
  }

  async close(): Promise<void> {
    // An opening that failed has ended the start; there is nothing to close.
    const hosted = await this.#opening?.catch(() => undefined);
    await hosted?.close();
  }

  #open(): Promise<HostedOutbox> {
    return (this.#opening ??= hostOutbox(this.#complete()));
  }

  #complete(): HostOptions {
    const logger = new Logger('MailWorkerModule');
    const found = this.#finder.find();
    const { worker } = this.#options;
    if (worker === undefined) {
      if (found.length > 0) {
        const ids = found.map(({ id }) => id).join(', ');
        logger.warn(`the schedules ${ids} do not run here: the worker is in another process`);
      }
      return this.#options;
    }
    const onProblem = (error: unknown): void => logger.warn(`it is tried again: ${String(error)}`);
    return { ...this.#options, worker: { onProblem, ...worker, schedules: [...(worker.schedules ?? []), ...found] } };
  }
}
