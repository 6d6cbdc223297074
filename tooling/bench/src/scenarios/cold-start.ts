// A new process wants to send its first message and has no token yet.
import { atMost } from '../report.ts';
import { type Context, type Scenario, startServers, startWorker } from '../scenario.ts';
import { alternated, median, ratio } from '../statistics.ts';
import type { Way } from '../work/cold-start.ts';

const WAYS: readonly Way[] = ['mailgrant', 'msal then nodemailer', 'post then nodemailer'];

export const coldStart: Scenario = {
  name: 'cold-start',
  title: 'First message of a new process, token included (50 ms RTT to both servers, token endpoint over HTTPS)',
  async run(context) {
    const results = await alternated(WAYS, context.quick ? 1 : 5, (way) => once(context, way, context.quick ? 5 : 50));
    const times = (way: Way): number[] => (results.get(way) ?? []).map(({ time }) => time);
    const ofMsal = (way: Way): number => ratio(times(way), times('msal then nodemailer'));
    return {
      tables: [
        {
          title: 'Modules are imported before the clock starts; what they load later counts',
          columns: [
            { key: 'way', title: 'client' },
            { key: 'time', title: 'ms' },
            { key: 'ratio', title: 'of MSAL then nodemailer', digits: 2 },
            { key: 'trips', title: 'round trips (SMTP)' },
            { key: 'tokenTrips', title: 'round trips (token)' },
          ],
          rows: [...results].map(([way, values]) => ({
            way,
            time: median(times(way)),
            ratio: ofMsal(way),
            trips: median(values.map(({ trips }) => trips)),
            tokenTrips: median(values.map(({ tokenTrips }) => tokenTrips)),
          })),
        },
      ],
      goals: [atMost('time to the first message, of MSAL then nodemailer', 0.75, ofMsal('mailgrant'))],
    };
  },
};

interface Start {
  readonly time: number;
  readonly trips: number;
  readonly tokenTrips: number;
}

async function once(context: Context, way: Way, roundTrip: number): Promise<Start> {
  await using servers = startServers();
  await using worker = startWorker(context);
  const { certificate } = context;
  const sink = await servers.call('startSink', { certificate });
  const port = await servers.call('startDelayProxy', { port: sink, roundTrip });
  const endpoint = await servers.call('startTokenEndpoint', certificate);
  const tokenPort = await servers.call('startDelayProxy', { port: endpoint, roundTrip });
  const target = { port, ca: certificate.certificate, connections: 1 };
  return {
    time: await worker.call('coldStart', { way, target, tokenPort }),
    trips: await servers.call('roundTrips', port),
    tokenTrips: await servers.call('roundTrips', tokenPort),
  };
}
