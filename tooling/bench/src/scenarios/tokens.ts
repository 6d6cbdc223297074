// What a token costs: looking it up for each connection, and getting one when many want it at once.
import { atMost } from '../report.ts';
import { type Scenario, startServers, startWorker } from '../scenario.ts';
import { alternated, median } from '../statistics.ts';

const HOLDERS = ['mailgrant', 'msal'] as const;

export const tokens: Scenario = {
  name: 'tokens',
  title: 'Tokens: look-ups of the one that is there, requests of many callers while there is none',
  async run(context) {
    const cold = context.quick ? 10 : 1_000;
    const results = await alternated(HOLDERS, context.quick ? 1 : 3, async (holder) => {
      await using servers = startServers();
      await using worker = startWorker(context);
      const tokenPort = await servers.call('startTokenEndpoint', context.certificate);
      const lookups = context.quick ? 1_000 : holder === 'msal' ? 10_000 : 500_000;
      const { lookup } = await worker.call('tokens', { holder, tokenPort, cold, lookups });
      return { lookup, requests: await servers.call('tokenRequests', tokenPort) };
    });
    const rows = [...results].map(([holder, values]) => {
      const lookup = median(values.map((each) => each.lookup));
      return { holder, lookup, perSecond: 1e6 / lookup, requests: median(values.map((each) => each.requests)) };
    });
    return {
      tables: [
        {
          title: `${cold} callers at once, then one look-up after the other`,
          columns: [
            { key: 'holder', title: 'client' },
            { key: 'lookup', title: 'µs/look-up', digits: 2 },
            { key: 'perSecond', title: 'look-ups/s' },
            { key: 'requests', title: `requests of ${cold} cold callers` },
          ],
          rows,
        },
      ],
      goals: [atMost('requests of the cold callers', 1, rows[0]?.requests ?? NaN)],
    };
  },
};
