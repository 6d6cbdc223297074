import { type Client, type Target, openClient, type Variant, readyMessage, recipients } from '../clients/client.ts';

export interface OpenJob {
  readonly client: Variant;
  readonly target: Target;
}

export interface SendJob {
  readonly messages: number;
  readonly recipients: number;
}

let client: Client | undefined;

/** Makes the client; nothing is connected before its first message. */
export async function open(job: OpenJob): Promise<void> {
  client = await openClient(job.client, job.target);
}

/** Sends messages, all at once; milliseconds until the last was accepted. */
export async function send(job: SendJob): Promise<number> {
  const sender = client;
  if (sender === undefined) throw new Error('no client was opened');
  const mail = { to: recipients(job.recipients), message: readyMessage(2048) };
  const start = performance.now();
  await Promise.all(Array.from({ length: job.messages }, () => sender.send(mail)));
  return performance.now() - start;
}
