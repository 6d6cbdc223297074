import { type Target, type Variant, openClient, plainMail, readyMessage, recipients } from '../clients/client.ts';
import { openFloor } from '../clients/floor.ts';
import { type LoadOptions, type LoadResult, observed, underLoad } from './load.ts';

export interface ThroughputJob extends LoadOptions {
  readonly client: Variant | 'floor';
  readonly target: Target;
  /** Bytes of a message. */
  readonly size: number;
  /** Whether each message is composed; else it is ready. */
  readonly composed: boolean;
}

/** Sends small messages as fast as the client can. */
export async function throughput({
  client: name,
  target,
  size,
  composed,
  ...load
}: ThroughputJob): Promise<LoadResult> {
  const ready = { to: recipients(1), message: readyMessage(size) };
  if (name === 'floor') {
    const floor = await openFloor(target, ready);
    try {
      return await observed(() => floor.messages, load);
    } finally {
      floor.close();
    }
  }
  const client = await openClient(name, target);
  try {
    return await underLoad(composed ? () => client.compose(plainMail(size)) : () => client.send(ready), load);
  } finally {
    await client.close();
  }
}
