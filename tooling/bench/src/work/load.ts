// Steady load: always this many messages under way, each with a promise of its own, for a given time.

/** What a client did in a given time. */
export interface LoadResult {
  readonly messages: number;
  readonly perSecond: number;
  /** Milliseconds of processor time of this process for each message. */
  readonly cpuPerMessage: number;
}

export interface LoadOptions {
  /** Messages under way at a time. */
  readonly underWay: number;
  /** Milliseconds that do not count: connections come up, code gets compiled. */
  readonly warmUp: number;
  /** Milliseconds that count. */
  readonly duration: number;
}

/** @param send resolves when the message was accepted */
export async function underLoad(send: () => Promise<unknown>, options: LoadOptions): Promise<LoadResult> {
  let accepted = 0;
  let going = true;
  const sender = async (): Promise<void> => {
    while (going) {
      await send();
      accepted += 1;
    }
  };
  const senders = Promise.all(Array.from({ length: options.underWay }, sender));
  const result = observed(() => accepted, options);
  try {
    return await Promise.race([result, senders.then(() => result)]);
  } finally {
    going = false;
    await senders;
  }
}

/** Reads a counter of messages over a given time. */
export async function observed(
  accepted: () => number,
  { warmUp, duration }: Omit<LoadOptions, 'underWay'>,
): Promise<LoadResult> {
  await after(warmUp);
  const before = accepted();
  const start = performance.now();
  const cpu = process.cpuUsage();
  await after(duration);
  const messages = accepted() - before;
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (performance.now() - start) / 1000;
  return { messages, perSecond: messages / seconds, cpuPerMessage: (user + system) / 1000 / messages };
}

const after = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
