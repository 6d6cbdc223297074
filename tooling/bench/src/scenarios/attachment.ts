// A large attachment, from the mail as the caller has it to the server's last word.
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClientName } from '../clients/client.ts';
import { type Goal, atLeast, atMost } from '../report.ts';
import { type Context, type Scenario, startServers, startWorker } from '../scenario.ts';
import { alternated, median, ratio } from '../statistics.ts';
import type { AttachmentResult } from '../work/attachment.ts';

const MEGABYTE = 1024 * 1024;
const PLACES = ['memory', 'disk'] as const;

interface Case {
  readonly client: ClientName;
  readonly from: (typeof PLACES)[number];
}

type Results = ReadonlyMap<Case, readonly AttachmentResult[]>;

export const attachment: Scenario = {
  name: 'attachment',
  title: 'An attachment of 25 MB, composed and sent, loopback with TLS',
  async run(context) {
    const size = (context.quick ? 1 : 25) * MEGABYTE;
    const path = join(context.folder, 'attachment');
    await writeFile(path, randomBytes(size));
    const cases = PLACES.flatMap((from): Case[] => [
      { client: 'mailgrant', from },
      { client: 'nodemailer', from },
    ]);
    const results = await alternated(cases, context.quick ? 1 : 3, (each) => once(context, each, path));
    return {
      tables: [
        {
          title: 'Each client in a process of its own; MB of the attachment, not of its encoded form',
          columns: [
            { key: 'client', title: 'client' },
            { key: 'from', title: 'from' },
            { key: 'rate', title: 'MB/s' },
            { key: 'cpu', title: 'CPU s/message', digits: 3 },
            { key: 'memory', title: 'peak RSS MB' },
          ],
          rows: [...results].map(([each, values]) => ({
            ...each,
            rate: size / MEGABYTE / (median(values.map(({ time }) => time)) / 1000),
            cpu: median(values.map(({ cpu }) => cpu)) / 1000,
            memory: median(values.map(({ peakMemory }) => peakMemory)) / MEGABYTE,
          })),
        },
      ],
      goals: PLACES.flatMap((from) => goals(results, from)),
    };
  },
};

function goals(results: Results, from: Case['from']): Goal[] {
  const of = (client: ClientName, key: keyof AttachmentResult): number[] =>
    [...results].flatMap(([each, values]) =>
      each.client === client && each.from === from ? values.map((value) => value[key]) : [],
    );
  const against = (key: keyof AttachmentResult): number => ratio(of('mailgrant', key), of('nodemailer', key));
  return [
    atLeast(`MB/s from ${from}, of nodemailer's`, 2, 1 / against('time')),
    atMost(`CPU from ${from}, of nodemailer's`, 1, against('cpu')),
    atMost(`peak memory from ${from}, of nodemailer's`, 1, against('peakMemory')),
  ];
}

async function once(context: Context, { client, from }: Case, path: string): Promise<AttachmentResult> {
  await using servers = startServers();
  await using worker = startWorker(context);
  const { certificate, quick } = context;
  const port = await servers.call('startSink', { certificate });
  const target = { port, ca: certificate.certificate, connections: 1 };
  return await worker.call('attachment', { client, target, path, from, messages: quick ? 1 : 3 });
}
