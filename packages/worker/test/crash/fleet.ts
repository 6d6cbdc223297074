// Workers as processes: started, given orders, killed, started again.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Answer, Order } from './worker.ts';

const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url));

interface Place {
  child: ChildProcess | undefined;
  ready: boolean;
}

export interface FleetOptions {
  readonly workers: number;
  /** Where the workers find their settings. */
  readonly settings: string;
  readonly onAnswer: (answer: Answer) => void;
  /** A worker started: whoever wants to kill it at that may. */
  readonly onStart: (kill: () => void) => void;
  /** A worker is gone, with the orders it had. */
  readonly onEnd: () => void;
}

export class Fleet implements AsyncDisposable {
  /** How often a worker ended without having been killed. */
  exits = 0;
  kills = 0;
  readonly #options: FleetOptions;
  readonly #places: Place[];
  #stopping = false;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#places = Array.from({ length: options.workers }, () => ({ child: undefined, ready: false }));
  }

  start(): void {
    for (const place of this.#places) this.#start(place);
  }

  /** @returns whether there was somebody to give it to */
  order(order: Order, chance: number): boolean {
    const ready = this.#places.filter((place) => place.ready);
    const place = ready[Math.floor(chance * ready.length)];
    return place?.child?.send(order) ?? false;
  }

  /** Kills one that works, or else one that starts. */
  kill(chance: number): void {
    const alive = this.#places.filter(({ child }) => child !== undefined);
    const working = alive.filter(({ ready }) => ready);
    const candidates = working.length > 0 ? working : alive;
    this.#kill(candidates[Math.floor(chance * candidates.length)]?.child);
  }

  /** Lets all of them finish what they are at. */
  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    await Promise.all(
      this.#places.map(async ({ child, ready }) => {
        if (child === undefined) return;
        const gone = once(child, 'exit');
        if (ready) child.send({ order: 'stop' } satisfies Order);
        else child.kill('SIGKILL');
        await gone;
      }),
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #start(place: Place): void {
    const child = fork(WORKER, [this.#options.settings], {
      execArgv: ['--conditions=@mailgrant/source', '--disable-warning=ExperimentalWarning'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    place.child = child;
    place.ready = false;
    child.on('message', (answer: Answer) => {
      if (answer.answer === 'ready') place.ready = true;
      this.#options.onAnswer(answer);
    });
    child.on('error', () => {}); // an order to somebody who is just dying
    child.once('exit', (_code, signal) => {
      place.child = undefined;
      place.ready = false;
      this.#options.onEnd();
      if (this.#stopping) return;
      if (signal !== 'SIGKILL') this.exits += 1;
      // At once after a kill; one that cannot start at present is given a moment.
      void wait(signal === 'SIGKILL' ? 0 : 200).then(() => this.#stopping || this.#start(place));
    });
    this.#options.onStart(() => this.#kill(child));
  }

  #kill(child: ChildProcess | undefined): void {
    if (child?.kill('SIGKILL') === true) this.kills += 1;
  }
}
