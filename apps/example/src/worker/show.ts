// A digest every two seconds and a mail for later, from a worker that is killed and started again in between.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectOutbox } from '@mailgrant/worker';
import type { Target } from '../target.ts';
import type { Terminal } from '../terminal.ts';
import { writeWorkerSettings } from './settings.ts';
import { startWorker, type WorkerProcess } from './worker-process.ts';

/** Milliseconds. */
const AHEAD = 6000;
const PATIENCE = 60_000;

/** Only with a sandbox: it counts what arrives. */
export async function showWorker(target: Target, terminal: Terminal, signal: AbortSignal): Promise<void> {
  const { sandbox, sender, to, user, clientId, clientSecret, tokenEndpoint, server } = target;
  if (sandbox === undefined) return;
  const { host = '', port = 0 } = server;
  const dir = await mkdtemp(join(tmpdir(), 'mailgrant-demo-'));
  const env = writeWorkerSettings({
    dir,
    sender,
    to,
    user,
    clientId,
    tokenEndpoint,
    clientSecret: clientSecret.reveal(),
    server: { host, port, ca: sandbox.ca },
  });
  let worker: WorkerProcess | undefined;
  const stop = (): void => void worker?.end('SIGKILL');
  signal.addEventListener('abort', stop);
  const success = (text: string): void => terminal.line(` ${terminal.style('green', '✓')} ${text}`);
  const digests = (): string[] => subjectsOf(sandbox).filter((subject) => subject.startsWith('Digest of '));
  const arrived = async (isThere: () => boolean): Promise<void> => {
    await Promise.race([sandbox.inbox.waitFor(isThere, { timeout: PATIENCE }), whenAborted(signal)]);
    signal.throwIfAborted();
  };
  try {
    terminal.line(`\n${terminal.style('bold', 'A worker, killed at work')}`);
    terminal.field('store', 'a directory of its own; nothing is installed for it');
    terminal.field('schedule', 'a digest, every two seconds');
    worker = startWorker(env);
    await worker.logged('started');
    success(`started as process ${worker.pid}`);

    const sendAt = new Date(Date.now() + AHEAD);
    const reminder = { from: sender, to: [...to], subject: 'Reminder from the worker', text: 'It is time.\n' };
    await connectOutbox({ dir }).scheduleMail({
      mailbox: 'noreply',
      mail: reminder,
      sendAt,
      idempotencyKey: 'reminder',
    });
    terminal.field('mail', `for ${clock(sendAt)}, handed over by another process`);

    // When it has the server's answers: a kill right before would make a repeat, and a flag.
    await worker.logged('mail.accepted', 2);
    success(`${digests().length} digests arrived`);
    let repeats = worker.count('mail.in-doubt');
    await worker.end('SIGKILL');
    success('killed (SIGKILL: it had no chance to tidy up)');

    worker = startWorker(env);
    await worker.logged('started');
    success(`started again as process ${worker.pid}`);
    const before = digests().length;
    await arrived(() => subjectsOf(sandbox).includes(reminder.subject));
    success(`the mail for ${clock(sendAt)} arrived`);
    await arrived(() => digests().length >= before + 2);
    await arrived(() => missingOf(timesOf(digests())).length === 0);
    repeats += worker.count('mail.in-doubt');
    await worker.end('SIGTERM');
    tell(terminal, subjectsOf(sandbox), reminder.subject, repeats);
  } finally {
    signal.removeEventListener('abort', stop);
    await worker?.end('SIGKILL');
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

const whenAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** What came, counted where it arrived. */
function tell(terminal: Terminal, subjects: readonly string[], reminder: string, repeats: number): void {
  const digests = subjects.filter((subject) => subject.startsWith('Digest of '));
  const times = timesOf(digests);
  const missing = missingOf(times);
  terminal.field(
    'digests',
    `${times.join(', ')}: ${missing.length === 0 ? 'none is missing' : `missing ${missing.join(', ')}`}`,
  );
  const copies = digests.length - times.length + subjects.filter((subject) => subject === reminder).length - 1;
  if (copies === 0)
    terminal.line(` ${terminal.style('green', '✓')} each of them, and the mail for later, arrived once`);
  else
    terminal.paragraph(
      `${copies} arrived twice: the kill came between their last byte and the server’s answer; ${repeats} flagged`,
      { indent: 3 },
    );
}

const timesOf = (digests: readonly string[]): string[] =>
  [...new Set(digests)].map((subject) => subject.slice('Digest of '.length)).sort();

/** Times of day, two seconds apart, that are not there. */
function missingOf(times: readonly string[]): string[] {
  const seconds = times.map((time) => Date.parse(`2000-01-01T${time}Z`) / 1000);
  const [first = 0, last = 0] = [seconds[0], seconds.at(-1)];
  const expected = Array.from({ length: Math.max(0, (last - first) / 2 + 1) }, (_, at) => first + 2 * at);
  return expected.filter((each) => !seconds.includes(each)).map((each) => clock(new Date(each * 1000)));
}

const subjectsOf = ({ inbox }: NonNullable<Target['sandbox']>): string[] =>
  inbox.messages.map(({ subject }) => subject);

const clock = (moment: Date): string => moment.toISOString().slice(11, 19);
