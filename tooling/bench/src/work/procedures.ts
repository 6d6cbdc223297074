// The child process in which one client is measured. It loads what its job needs and nothing else.
import { serve } from '../remote.ts';
import type { AttachmentJob } from './attachment.ts';
import type { ColdStartJob } from './cold-start.ts';
import type { OpenJob, SendJob } from './latency.ts';
import type { QueueJob } from './queue.ts';
import type { ThroughputJob } from './throughput.ts';
import type { TokensJob } from './tokens.ts';

const procedures = {
  open: async (job: OpenJob) => (await import('./latency.ts')).open(job),
  send: async (job: SendJob) => (await import('./latency.ts')).send(job),
  coldStart: async (job: ColdStartJob) => (await import('./cold-start.ts')).coldStart(job),
  throughput: async (job: ThroughputJob) => (await import('./throughput.ts')).throughput(job),
  attachment: async (job: AttachmentJob) => (await import('./attachment.ts')).attachment(job),
  tokens: async (job: TokensJob) => (await import('./tokens.ts')).tokens(job),
  queue: async (job: QueueJob) => (await import('./queue.ts')).queue(job),
};

export type WorkProcedures = typeof procedures;

serve(procedures);
