// Round trips until the server's last word, counted between client and server, and the time they take.
import type { Variant } from '../clients/client.ts';
import { atMost, type Goal, type Row } from '../report.ts';
import { type Context, type Scenario, startServers, startWorker } from '../scenario.ts';
import { median } from '../statistics.ts';

const CLIENTS: readonly Variant[] = ['mailgrant', 'mailgrant one-flight', 'nodemailer'];
const QUEUED = 10;

interface Reading {
  readonly roundTrip: number;
  readonly recipients: number;
  readonly client: Variant;
  /** Round trips. */
  readonly first: number;
  readonly warm: number;
  readonly queued: number;
  /** Milliseconds. */
  readonly firstTime: number;
  readonly warmTime: number;
  readonly queuedTime: number;
}

export const roundTrips: Scenario = {
  name: 'round-trips',
  title: 'Round trips to the final 250, one connection, STARTTLS with TLS 1.3, XOAUTH2',
  async run(context) {
    const readings: Reading[] = [];
    for (const roundTrip of context.quick ? [5] : [20, 50, 100]) {
      for (const client of CLIENTS) {
        // Nearly all of it is waiting: side by side they do not disturb each other.
        readings.push(
          ...(await Promise.all(
            (context.quick ? [1] : [1, 10, 100]).map((recipients) => read(context, { roundTrip, recipients, client })),
          )),
        );
      }
    }
    readings.sort((a, b) => a.roundTrip - b.roundTrip || a.recipients - b.recipients);
    return {
      tables: [
        {
          title: `First message of a new client, one on a warm connection, ${QUEUED} handed over at once on a warm connection`,
          columns: [
            { key: 'client', title: 'client' },
            { key: 'roundTrip', title: 'RTT ms' },
            { key: 'recipients', title: 'recipients' },
            { key: 'first', title: 'first' },
            { key: 'warm', title: 'warm' },
            { key: 'queued', title: `${QUEUED} queued` },
            { key: 'firstTime', title: 'first ms' },
            { key: 'warmTime', title: 'warm ms' },
            { key: 'queuedTime', title: `${QUEUED} queued ms` },
          ],
          rows: readings.map((reading): Row => ({ ...reading })),
        },
      ],
      goals: goals(readings),
    };
  },
};

async function read(
  context: Context,
  { roundTrip, recipients, client }: Pick<Reading, 'roundTrip' | 'recipients' | 'client'>,
): Promise<Reading> {
  await using servers = startServers();
  await using worker = startWorker(context);
  const sink = await servers.call('startSink', { certificate: context.certificate });
  const port = await servers.call('startDelayProxy', { port: sink, roundTrip });
  const target = { port, ca: context.certificate.certificate, connections: 1 };
  await worker.call('open', { client, target });

  let before = 0;
  const send = async (messages: number): Promise<{ trips: number; time: number }> => {
    const time = await worker.call('send', { messages, recipients });
    const after = await servers.call('roundTrips', port);
    const trips = after - before;
    before = after;
    return { trips, time };
  };
  const first = await send(1);
  const warm = [await send(1), await send(1), await send(1)];
  const queued = await send(QUEUED);
  return {
    roundTrip,
    recipients,
    client,
    first: first.trips,
    warm: median(warm.map(({ trips }) => trips)),
    queued: queued.trips,
    firstTime: first.time,
    warmTime: median(warm.map(({ time }) => time)),
    queuedTime: queued.time,
  };
}

function goals(readings: readonly Reading[]): Goal[] {
  const worst = (client: Variant, of: 'first' | 'warm' | 'queued'): number =>
    Math.max(...readings.filter((reading) => reading.client === client).map((reading) => reading[of]));
  return [
    atMost('round trips of a warm message', 2, worst('mailgrant', 'warm')),
    atMost(`round trips of ${QUEUED} queued messages`, QUEUED + 1, worst('mailgrant', 'queued')),
    atMost('round trips of a warm message in one flight (opt-in)', 1, worst('mailgrant one-flight', 'warm')),
    atMost("round trips of a first message (nodemailer's)", worst('nodemailer', 'first'), worst('mailgrant', 'first')),
  ];
}
