// The worker as a process: started, watched, drained.
import { openStore } from '../../store/open-store.ts';
import type { Store } from '../../store/store.ts';
import { createMailWorker, type MailWorker, type MailWorkerOptions } from '../../worker.ts';
import { controlMethods } from '../access.ts';
import type { Command, CommandContext } from '../command.ts';
import type { LoadedConfig, WorkerConfig } from '../config.ts';
import { listenForControl } from '../control-server.ts';
import { listenForProbes, watchLoop } from '../http.ts';
import { createLogger } from '../logger.ts';
import { createMetrics, type Metrics } from '../metrics.ts';
import { createWatch, type Watch, watchOutbox } from '../watch.ts';

/** Milliseconds without a look at the queue after which the worker does not count as ready. */
const NOT_LOOKING = 60_000;

/** Milliseconds. */
const DRAIN = 25_000;

export const runCommand: Command = {
  name: 'run',
  summary: 'send what is due, until SIGTERM',
  usage: `run [options]

The first SIGTERM or SIGINT takes nothing new and lets mails on their way finish (\`drain\` in the configuration, 25 s);
the second one leaves at once, and what was on its way is taken up by the next start.`,
  async run(context) {
    const loaded = await context.load();
    const { config } = loaded;
    const log = createLogger(config.log ?? {}, context.logTo);
    const metrics = createMetrics();
    const watch = createWatch(log, metrics, context.now);
    const stopped = whenStopped(context, (signal) => {
      log.warn({ signal }, 'leaving at once');
      context.leave(1);
    });
    const store = await openStore({ ...loaded.store, onProblem: watch.onProblem });
    try {
      const worker = createMailWorker(watched(config, store, watch));
      try {
        watchOutbox(metrics, worker.outbox, context.now);
        const doors = await openDoors(loaded, worker, store, metrics, context.now);
        try {
          await worker.start();
          log.info({ worker: worker.name, config: loaded.file, ...doors.at }, 'started');
          const signal = await stopped.first;
          log.info({ signal, drain: config.drain ?? DRAIN }, 'stopping: finishing what is on its way');
          // Probes and socket answer until the last mail is out.
          await worker.stop({ drainMs: config.drain ?? DRAIN });
        } finally {
          await doors.close();
        }
      } finally {
        await worker.stop({ drainMs: 0 });
      }
    } finally {
      await store.close();
      stopped.end();
    }
    log.info('stopped');
    return 0;
  },
};

/** The options of the worker, with this process listening beside the configuration's own listeners; what these return is the worker's. */
export function watched(config: WorkerConfig, store: Store, watch: Watch): MailWorkerOptions {
  return {
    ...config,
    store,
    onEvent(event) {
      watch.onEvent(event);
      return config.onEvent?.(event);
    },
    onScheduleEvent(event) {
      watch.onScheduleEvent(event);
      return config.onScheduleEvent?.(event);
    },
    onProblem(error) {
      watch.onProblem(error);
      return config.onProblem?.(error);
    },
  };
}

function whenStopped(context: CommandContext, onSecond: (signal: string) => void) {
  let heard = (_signal: string): void => {};
  const first = new Promise<string>((resolve) => (heard = resolve));
  let count = 0;
  const end = context.onSignal((signal) => {
    count += 1;
    if (count === 1) heard(signal);
    else onSecond(signal);
  });
  return { first, end };
}

async function openDoors(
  { config, socket }: LoadedConfig,
  worker: MailWorker,
  store: Store,
  metrics: Metrics,
  now: () => number,
) {
  const loop = watchLoop(now);
  const problems = async (): Promise<string[]> => {
    const { state, lookedAt } = worker.health();
    const found = state === 'running' ? [] : [`the worker is ${state}`];
    if (state === 'running' && lookedAt > 0 && now() - lookedAt > NOT_LOOKING)
      found.push('it has not looked for mail for a minute');
    await store.check().catch(() => found.push('the store does not answer'));
    return found;
  };
  const http =
    config.http === false
      ? undefined
      : await listenForProbes(config.http ?? {}, {
          age: loop.age,
          problems,
          metrics: () => metrics.text(),
        });
  try {
    const control =
      socket === undefined ? undefined : await listenForControl(socket, controlMethods(worker.outbox, store, now));
    return {
      at: { ...(http && { http: http.url }), ...(control && { socket: control.path }) },
      async close() {
        loop.stop();
        await control?.close();
        await http?.close();
      },
    };
  } catch (error) {
    await http?.close();
    throw error;
  }
}
