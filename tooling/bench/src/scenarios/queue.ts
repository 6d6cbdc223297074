// Messages that wait: what each costs in memory while the server takes none.
import type { ClientName } from '../clients/client.ts';
import { atMost } from '../report.ts';
import { type Scenario, startServers, startWorker } from '../scenario.ts';
import { alternated, median } from '../statistics.ts';

const CLIENTS: readonly ClientName[] = ['mailgrant', 'nodemailer'];
const MEGABYTE = 1024 * 1024;

export const queue: Scenario = {
  name: 'queue',
  title: '100,000 messages handed over at once to a server that takes none',
  async run(context) {
    const messages = context.quick ? 1_000 : 100_000;
    const results = await alternated(CLIENTS, context.quick ? 1 : 2, async (client) => {
      await using servers = startServers();
      await using worker = startWorker(context);
      const port = await servers.call('startSink', { certificate: context.certificate, silent: true });
      const target = { port, ca: context.certificate.certificate, connections: 3 };
      return await worker.call('queue', { client, target, messages });
    });
    const rows = [...results].map(([client, values]) => {
      const before = median(values.map((each) => each.before));
      const after = median(values.map((each) => each.after));
      return {
        client,
        before: before / MEGABYTE,
        after: after / MEGABYTE,
        each: (after - before) / messages / 1024,
        time: (median(values.map(({ time }) => time)) * 1000) / messages,
      };
    });
    return {
      tables: [
        {
          title: 'The messages share their bytes; all promises are pending',
          columns: [
            { key: 'client', title: 'client' },
            { key: 'before', title: 'RSS before MB' },
            { key: 'after', title: 'peak RSS MB' },
            { key: 'each', title: 'KB/message', digits: 2 },
            { key: 'time', title: 'µs/message', digits: 1 },
          ],
          rows,
        },
      ],
      goals: [atMost('peak RSS in MB', 200, rows[0]?.after ?? NaN)],
    };
  },
};
