// Functions of a child process, called over its IPC channel: every client measured has memory and processor time of its own.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

/** What a child process does on request. Arguments and results survive structured cloning. */
// oxlint-disable-next-line typescript/no-explicit-any -- each procedure states its own argument
export type Procedures = Record<string, (argument: any) => Promise<unknown>>;

interface Call {
  readonly id: number;
  readonly name: string;
  readonly argument: unknown;
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** In the child: answers calls until the parent lets go. */
export function serve(procedures: Procedures): void {
  process.on('message', ({ id, name, argument }: Call) => {
    const procedure = procedures[name];
    const answer = (rest: Omit<Answer, 'id'>): void => void process.send?.({ id, ...rest });
    if (procedure === undefined) answer({ error: `no procedure ${name}` });
    else {
      procedure(argument).then(
        (value) => answer({ value }),
        (error: unknown) => answer({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
      );
    }
  });
  process.on('disconnect', () => process.exit(0));
}

/** In the parent: one child process. */
export class Remote<P extends Procedures> implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #last = 0;
  #ended: Error | undefined;

  /** @param env added to the environment of the child */
  constructor(module: URL, env: Readonly<Record<string, string>> = {}) {
    this.#child = fork(module, { env: { ...process.env, ...env }, serialization: 'advanced' });
    this.#child.on('message', ({ id, value, error }: Answer) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(value);
      else waiting?.reject(new Error(error));
    });
    this.#child.on('exit', (code, signal) => {
      this.#ended = new Error(`a child process of the bench ended (${signal ?? code})`);
      for (const waiting of this.#waiting.values()) waiting.reject(this.#ended);
      this.#waiting.clear();
    });
  }

  call<N extends keyof P & string>(name: N, argument: Parameters<P[N]>[0]): Promise<Awaited<ReturnType<P[N]>>> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: (value) => resolve(value as Awaited<ReturnType<P[N]>>), reject });
      this.#child.send({ id, name, argument } satisfies Call);
    });
  }

  /** Ends the child; what it holds goes with it. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exit;
  }
}

/** A module beside this one, as source or compiled. */
export function program(path: string): URL {
  return new URL(`${path}.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url);
}
