import { type ClientName, type Target, openClient, readyMessage, recipients } from '../clients/client.ts';

export interface QueueJob {
  readonly client: ClientName;
  readonly target: Target;
  readonly messages: number;
}

export interface QueueResult {
  /** Bytes: all memory of the process, before and after. */
  readonly before: number;
  readonly after: number;
  /** Milliseconds it took to hand them over. */
  readonly time: number;
}

/** Hands over messages to a server that takes none. They share their bytes: what is measured is what a waiting one costs. */
export async function queue({ client: name, target, messages }: QueueJob): Promise<QueueResult> {
  const client = await openClient(name, target);
  const message = readyMessage(2048);
  const to = recipients(1);
  const before = process.memoryUsage.rss();
  const start = performance.now();
  const pending: Promise<unknown>[] = [];
  for (let i = 0; i < messages; i += 1) pending.push(client.send({ to, message }));
  const time = performance.now() - start;
  await Promise.race([...pending.slice(0, 1), new Promise((resolve) => setTimeout(resolve, 1_000))]);
  return { before, after: process.resourceUsage().maxRSS * 1024, time };
}
