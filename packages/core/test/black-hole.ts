// A port whose connections are never answered, not even with a refusal: its listener does not accept, and its backlog is full.
import net from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

export interface BlackHole extends AsyncDisposable {
  readonly port: number;
}

const LISTENER = `
  const { parentPort, workerData } = require('node:worker_threads');
  const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    setImmediate(() => Atomics.wait(workerData, 0, 0)); // nothing is accepted any more
  });
`;

export async function openBlackHole(): Promise<BlackHole> {
  const worker = new Worker(LISTENER, { eval: true, workerData: new Int32Array(new SharedArrayBuffer(4)) });
  const port = await new Promise<number>((resolve) => worker.once('message', resolve));
  await nextTurn();
  const fillers = Array.from({ length: 8 }, () => net.connect(port, '127.0.0.1').on('error', () => {}));
  // The first ones get a place in the backlog; when they have it, there is none left.
  await new Promise((resolve) => fillers[0]?.once('connect', resolve));
  await new Promise((resolve) => fillers[1]?.once('connect', resolve));
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const filler of fillers) filler.destroy();
      await worker.terminate();
    },
  };
}
