// Small messages over loopback with TLS, as fast as they go: ready-made, and composed.
import type { Variant } from '../clients/client.ts';
import { goMail } from '../go.ts';
import { type Goal, type Table, atLeast, atMost } from '../report.ts';
import { type Context, type Scenario, startServers, startWorker } from '../scenario.ts';
import { alternated, median, ratio } from '../statistics.ts';
import type { LoadOptions, LoadResult } from '../work/load.ts';

const SIZE = 2048;
const UNDER_WAY = 100;
const ROUNDS = 5;

type Sender = Variant | 'floor' | 'go net/smtp';

interface Case {
  readonly client: Sender;
  readonly connections: number;
}

type Results = ReadonlyMap<Case, readonly LoadResult[]>;

export const throughput: Scenario = {
  name: 'throughput',
  title: 'Ready-made messages of 2 KB, one recipient, a promise for each message, loopback with TLS',
  async run(context) {
    const go = await goMail(context);
    const clients: readonly Sender[] = [
      'mailgrant',
      'mailgrant one-flight',
      'nodemailer',
      ...(go.program === undefined ? [] : (['go net/smtp'] as const)),
      'floor',
    ];
    const cases = [1, 3].flatMap((connections) => clients.map((client): Case => ({ client, connections })));
    const results = await alternated(cases, context.quick ? 1 : ROUNDS, ({ client, connections }) =>
      client === 'go net/smtp' ? go.run(context, connections) : load(context, client, connections, ready(context)),
    );
    return {
      tables: [table(results)],
      goals: [1, 3].flatMap((connections) => goals(results, connections)),
      ...(go.note !== undefined && { notes: [go.note] }),
    };
  },
};

function goals(results: Results, connections: number): Goal[] {
  const of = (client: Sender, key: keyof LoadResult): number[] | undefined =>
    [...results]
      .find(([each]) => each.client === client && each.connections === connections)?.[1]
      .map((one) => one[key]);
  const against = (client: Sender, key: keyof LoadResult): number =>
    ratio(of('mailgrant', key) ?? [], of(client, key) ?? []);
  const where = `${connections} connection${connections > 1 ? 's' : ''}`;
  return [
    atLeast(`messages per second, of nodemailer's, ${where}`, 4, against('nodemailer', 'perSecond')),
    atMost(`CPU per message, of nodemailer's, ${where}`, 0.25, against('nodemailer', 'cpuPerMessage')),
    atLeast(`messages per second, of the floor's, ${where}`, 0.5, against('floor', 'perSecond')),
    ...(of('go net/smtp', 'perSecond') === undefined
      ? []
      : [atLeast(`messages per second, of Go's, ${where}`, 1, against('go net/smtp', 'perSecond'))]),
  ];
}

export const composed: Scenario = {
  name: 'composed',
  title: 'Messages of 2 KB of text, composed one by one with nodemailer’s composer, loopback with TLS, 1 connection',
  async run(context) {
    const ours: Case = { client: 'mailgrant', connections: 1 };
    const theirs: Case = { client: 'nodemailer', connections: 1 };
    const results = await alternated([ours, theirs], context.quick ? 1 : ROUNDS, ({ client, connections }) =>
      // A composer is much code: it takes seconds until it is compiled as well as it will be.
      load(context, client, connections, {
        composed: true,
        ...(context.quick ? QUICK : { warmUp: 2_500, duration: 1_500 }),
      }),
    );
    const perSecond = (each: Case): number[] => (results.get(each) ?? []).map((one) => one.perSecond);
    return {
      tables: [table(results)],
      goals: [atLeast("messages per second, of nodemailer's", 1, ratio(perSecond(ours), perSecond(theirs)))],
    };
  },
};

interface Load extends Pick<LoadOptions, 'warmUp' | 'duration'> {
  readonly composed: boolean;
}

const QUICK = { warmUp: 100, duration: 200 };
const ready = ({ quick }: Context): Load => ({
  composed: false,
  // Before it is compiled as well as it will be, code of any client runs at half its pace.
  ...(quick ? QUICK : { warmUp: 2_000, duration: 1_500 }),
});

async function load(context: Context, client: Sender, connections: number, how: Load): Promise<LoadResult> {
  if (client === 'go net/smtp') throw new Error('Go runs in a program of its own');
  await using servers = startServers();
  await using worker = startWorker(context);
  const { certificate } = context;
  const port = await servers.call('startSink', { certificate });
  const target = { port, ca: certificate.certificate, connections };
  const result = await worker.call('throughput', { client, target, size: SIZE, underWay: UNDER_WAY, ...how });
  const { messages } = await servers.call('sinkCounts', port);
  if (messages < result.messages) {
    throw new Error(`${client} counted ${result.messages} messages, the server ${messages}`);
  }
  return result;
}

function table(results: Results): Table {
  const of = (values: readonly LoadResult[], key: keyof LoadResult): number => median(values.map((each) => each[key]));
  return {
    title: `${UNDER_WAY} messages under way`,
    columns: [
      { key: 'client', title: 'client' },
      { key: 'connections', title: 'connections' },
      { key: 'perSecond', title: 'messages/s' },
      { key: 'cpuPerMessage', title: 'CPU ms/message', digits: 3 },
    ],
    rows: [...results].map(([{ client, connections }, values]) => ({
      client,
      connections,
      perSecond: of(values, 'perSecond'),
      cpuPerMessage: of(values, 'cpuPerMessage'),
    })),
  };
}
