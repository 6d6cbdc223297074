// One large attachment, composed and sent.
import { readFile } from 'node:fs/promises';
import { type ClientName, type Target, openClient, plainMail, SENDER } from '../clients/client.ts';

export interface AttachmentJob {
  readonly client: ClientName;
  readonly target: Target;
  readonly path: string;
  readonly from: 'memory' | 'disk';
  readonly messages: number;
}

export interface AttachmentResult {
  /** Milliseconds for each message. */
  readonly time: number;
  /** Milliseconds of processor time for each message. */
  readonly cpu: number;
  /** Bytes: the most memory this process ever had. */
  readonly peakMemory: number;
}

export async function attachment(job: AttachmentJob): Promise<AttachmentResult> {
  const client = await openClient(job.client, job.target);
  await client.compose(plainMail(2048)); // connects, and loads the composer
  const content = job.from === 'memory' ? { content: await readFile(job.path) } : { path: job.path };
  const mail = {
    from: `Reports <${SENDER}>`,
    to: 'recipient0@example.com',
    subject: 'The figures of this year',
    text: 'They are attached.',
    attachments: [{ filename: 'figures.bin', ...content }],
  };
  const start = performance.now();
  const before = process.cpuUsage();
  for (let i = 0; i < job.messages; i += 1) await client.compose(mail);
  const { user, system } = process.cpuUsage(before);
  const time = (performance.now() - start) / job.messages;
  const { maxRSS } = process.resourceUsage();
  await client.close();
  return { time, cpu: (user + system) / 1000 / job.messages, peakMemory: maxRSS * 1024 };
}
