// A large attachment, from the mail as the caller has it to the server's last word.
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClientName } from '../clients/client.ts';
import { atLeast, atMost } from '../report.ts';
import { type Context, type Scenario, startServers, startWorker } from '../scenario.ts';
import { alternated, median } from '../statistics.ts';
import type { AttachmentResult } from '../work/attachment.ts';

const MEGABYTE = 1024 * 1024;

interface Case {
  readonly client: ClientName;
  readonly from: 'memory' | 'disk';
}

export const attachment: Scenario = {
  name: 'attachment',
  title: 'An attachment of 25 MB, composed and sent, loopback with TLS',
  async run(context) {
    const size = (context.quick ? 1 : 25) * MEGABYTE;
    const path = join(context.folder, 'attachment');
    await writeFile(path, randomBytes(size));
    const cases = (['memory', 'disk'] as const).flatMap((from): Case[] => [
      { client: 'mailgrant', from },
      { client: 'nodemailer', from },
    ]);
    const results = await alternated(cases, context.quick ? 1 : 3, (each) => once(context, each, path));
    const rows = [...results].map(([{ client, from }, values]) => ({
      client,
      from,
      rate: size / MEGABYTE / (median(values.map(({ time }) => time)) / 1000),
      cpu: median(values.map(({ cpu }) => cpu)) / 1000,
      memory: median(values.map(({ peakMemory }) => peakMemory)) / MEGABYTE,
    }));
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
          rows,
        },
      ],
      goals: (['memory', 'disk'] as const).flatMap((from) => {
        const [ours, theirs] = rows.filter((row) => row.from === from);
        if (ours === undefined || theirs === undefined) return [];
        return [
          atLeast(`MB/s from ${from}, of nodemailer's`, 2, ours.rate / theirs.rate),
          atMost(`CPU from ${from}, of nodemailer's`, 1, ours.cpu / theirs.cpu),
          atMost(`peak memory from ${from}, of nodemailer's`, 1, ours.memory / theirs.memory),
        ];
      }),
    };
  },
};

async function once(context: Context, { client, from }: Case, path: string): Promise<AttachmentResult> {
  await using servers = startServers();
  await using worker = startWorker(context);
  const { certificate, quick } = context;
  const port = await servers.call('startSink', { certificate });
  const target = { port, ca: certificate.certificate, connections: 1 };
  return await worker.call('attachment', { client, target, path, from, messages: quick ? 1 : 3 });
}
