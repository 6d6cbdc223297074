// Small messages over loopback with TLS, as fast as they go: ready-made, and composed.
import type { ClientName } from '../clients/client.ts';
import { goMail } from '../go.ts';
import { atLeast, atMost, type Row } from '../report.ts';
import { type Context, type Scenario, startServers, startWorker } from '../scenario.ts';
import { alternated, median } from '../statistics.ts';
import type { LoadResult } from '../work/load.ts';

const SIZE = 2048;
const UNDER_WAY = 100;

interface Case {
  readonly client: ClientName | 'floor' | 'go net/smtp';
  readonly connections: number;
}

export const throughput: Scenario = {
  name: 'throughput',
  title: 'Ready-made messages of 2 KB, one recipient, a promise for each message, loopback with TLS',
  async run(context) {
    const go = await goMail(context);
    const cases = [1, 3].flatMap((connections): Case[] => [
      { client: 'mailgrant', connections },
      { client: 'nodemailer', connections },
      ...(go.program === undefined ? [] : [{ client: 'go net/smtp', connections } as const]),
      { client: 'floor', connections },
    ]);
    const results = medians(
      await alternated(cases, context.quick ? 1 : 3, (each) =>
        each.client === 'go net/smtp'
          ? go.run(context, each.connections)
          : load(context, { ...each, client: each.client, composed: false }),
      ),
    );
    const of = (client: Case['client'], connections: number): LoadResult => {
      const found = [...results].find(([each]) => each.client === client && each.connections === connections);
      if (found === undefined) throw new Error(`no result of ${client}`);
      return found[1];
    };
    return {
      tables: [
        loadTable(
          `${UNDER_WAY} messages under way`,
          [...results].map(([{ client, connections }, result]) => ({ client, connections, ...result })),
        ),
      ],
      goals: [1, 3].flatMap((connections) => {
        const ours = of('mailgrant', connections);
        const theirs = of('nodemailer', connections);
        const with_ = `${connections} connection${connections > 1 ? 's' : ''}`;
        return [
          atLeast(`messages per second, of nodemailer's, ${with_}`, 4, ours.perSecond / theirs.perSecond),
          atMost(`CPU per message, of nodemailer's, ${with_}`, 0.25, ours.cpuPerMessage / theirs.cpuPerMessage),
          atLeast(
            `messages per second, of the floor's, ${with_}`,
            0.5,
            ours.perSecond / of('floor', connections).perSecond,
          ),
          ...(go.program === undefined
            ? []
            : [
                atLeast(
                  `messages per second, of Go's, ${with_}`,
                  1,
                  ours.perSecond / of('go net/smtp', connections).perSecond,
                ),
              ]),
        ];
      }),
      ...(go.note !== undefined && { notes: [go.note] }),
    };
  },
};

export const composed: Scenario = {
  name: 'composed',
  title: 'Messages of 2 KB of text, composed one by one with nodemailer’s composer, loopback with TLS, 1 connection',
  async run(context) {
    const clients: readonly ClientName[] = ['mailgrant', 'nodemailer'];
    const results = medians(
      await alternated(clients, context.quick ? 1 : 3, (client) =>
        load(context, { client, connections: 1, composed: true }),
      ),
    );
    const ratio = (results.get('mailgrant')?.perSecond ?? NaN) / (results.get('nodemailer')?.perSecond ?? NaN);
    return {
      tables: [
        loadTable(
          `${UNDER_WAY} messages under way`,
          [...results].map(([client, result]) => ({ client, connections: 1, ...result })),
        ),
      ],
      goals: [atLeast("messages per second, of nodemailer's", 1, ratio)],
    };
  },
};

async function load(
  context: Context,
  { client, connections, composed: compose }: { client: ClientName | 'floor'; connections: number; composed: boolean },
): Promise<LoadResult> {
  await using servers = startServers();
  await using worker = startWorker(context);
  const { certificate, quick } = context;
  const port = await servers.call('startSink', { certificate });
  const result = await worker.call('throughput', {
    client,
    target: { port, ca: certificate.certificate, connections },
    size: SIZE,
    composed: compose,
    underWay: UNDER_WAY,
    warmUp: quick ? 100 : 600,
    duration: quick ? 200 : 1_000,
  });
  const { messages } = await servers.call('sinkCounts', port);
  if (messages < result.messages)
    throw new Error(`${client} counted ${result.messages} messages, the server ${messages}`);
  return result;
}

function medians<C>(results: ReadonlyMap<C, readonly LoadResult[]>): Map<C, LoadResult> {
  const of = (values: readonly LoadResult[], key: keyof LoadResult): number => median(values.map((each) => each[key]));
  return new Map(
    [...results].map(([each, values]) => [
      each,
      {
        messages: of(values, 'messages'),
        perSecond: of(values, 'perSecond'),
        cpuPerMessage: of(values, 'cpuPerMessage'),
      },
    ]),
  );
}

function loadTable(title: string, rows: readonly Row[]) {
  return {
    title,
    columns: [
      { key: 'client', title: 'client' },
      { key: 'connections', title: 'connections' },
      { key: 'perSecond', title: 'messages/s' },
      { key: 'cpuPerMessage', title: 'CPU ms/message', digits: 3 },
    ],
    rows,
  };
}
