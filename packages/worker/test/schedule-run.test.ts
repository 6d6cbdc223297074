// From the job of an occurrence to mails in the outbox, with interruptions, in the embedded store.
import { hostname } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Claim, createEngine, type Engine } from '../src/engine.ts';
import { outboxOver } from '../src/outbox/create-outbox.ts';
import type { Outbox } from '../src/outbox/outbox.ts';
import { type AnySchedule, checkSchedules } from '../src/schedule/definition.ts';
import { type Made, makeMails } from '../src/schedule/make-mails.ts';
import { beginRun, endRun, type RunTools } from '../src/schedule/occurrence-run.ts';
import { occurrenceJobId } from '../src/schedule/job-id.ts';
import { listRuns, removeSchedule } from '../src/schedule/schedule-list.ts';
import {
  advanceSchedule,
  OCCURRENCES,
  type OccurrenceJob,
  type Rows,
  saveSchedule,
} from '../src/schedule/schedule-rows.ts';
import { createScheduler, type ScheduleEvent } from '../src/schedule/scheduler.ts';
import { openStore } from '../src/store/open-store.ts';
import type { Store } from '../src/store/store.ts';
import { createStoreDirectory, type TestDirectory } from './support/embedded.ts';

// In the past: each job made here is due.
const at = (time: string): number => Date.parse(`2020-${time}Z`);
const NINE = at('05-02T09:00');

let directory: TestDirectory;
let store: Store;
let engine: Engine;
let outbox: Outbox;

beforeAll(async () => {
  directory = await createStoreDirectory();
  store = await openStore({ kind: 'embedded', dir: directory.dir, durability: 'process-crash' });
  engine = createEngine({ store, claims: true, migrate: true, onProblem: () => {} });
  await engine.start();
  await engine.openQueue(OCCURRENCES);
  outbox = outboxOver(engine, { store }, async () => {});
  await store.db.insertInto('mailbox').values({ id: 'noreply', connections: 1 }).execute();
}, 120_000);

afterAll(async () => {
  await engine.stop();
  await store.close();
  directory[Symbol.dispose]();
});

const mailTo = (to: string) => ({ from: 'noreply@contoso.com', to, subject: `For ${to}`, text: 'Hello' });

function schedulesOf(...definitions: (Partial<AnySchedule> & { readonly id: string })[]) {
  const defaults = { cron: '0 9 * * *', timeZone: 'UTC', render: () => mailTo('all@example.org') };
  return checkSchedules(
    definitions.map((definition) => ({ ...defaults, ...definition })),
    ['noreply'],
  );
}

const within = <T>(work: (rows: Rows) => Promise<T>): Promise<T> =>
  store.transaction((trx) => work({ trx, db: store.executor(trx), engine }));

/** Tools of a worker at a moment, with the schedule saved the evening before and planned at that moment. */
async function toolsFor(definition: Partial<AnySchedule> & { readonly id: string }, now = NINE): Promise<RunTools> {
  const schedules = schedulesOf(definition);
  const schedule = schedules.get(definition.id)!;
  await within((rows) => saveSchedule(rows, schedule, at('05-01T12:00')));
  await within((rows) => advanceSchedule(rows, definition.id, now));
  return { store, engine, outbox, schedules, worker: hostname(), now: () => now };
}

/** Claims the job of an occurrence; others that are due go back. */
async function claimJob(id: string, occurrence = NINE): Promise<{ claim: Claim; job: OccurrenceJob }> {
  const claims = await engine.claim(OCCURRENCES, 100);
  const isIt = ({ data }: Claim) => {
    const job = data as OccurrenceJob;
    return job.scheduleId === id && job.occurrence === occurrence;
  };
  const claim = claims.filter(isIt).sort((a, b) => turnOf(a) - turnOf(b))[0];
  for (const other of claims) if (other !== claim) await engine.release(other);
  if (claim === undefined) throw new Error(`no job of ${id} is due`);
  return { claim, job: claim.data as OccurrenceJob };
}

const turnOf = ({ data }: Claim): number => (data as OccurrenceJob).turn;

async function runOnce(tools: RunTools, id: string, signal = new AbortController().signal) {
  const { claim, job } = await claimJob(id);
  const begun = await beginRun(tools, claim, job);
  if (begun.verdict !== 'run') return { begun, ended: undefined, made: undefined };
  const made = await makeMails(tools, begun.schedule, job, signal).catch((error: unknown): Made => ({
    mails: 0,
    failed: 0,
    error,
  }));
  return { begun, made, ended: await endRun(tools, claim, job, begun.schedule, made) };
}

const mailsOf = async (id: string) =>
  (await outbox.list({ scheduleId: id })).mails.map(({ subject, idempotencyKey }) => ({ subject, idempotencyKey }));

const lastRun = async (id: string) => (await listRuns(store.db, id, 1))[0];

describe('an occurrence', () => {
  test('makes one mail for each recipient, with the occurrence in its hands', async () => {
    const seen: unknown[] = [];
    const tools = await toolsFor({
      id: 'digest',
      priority: 7,
      tag: 'digest',
      expiresAfter: 3_600_000,
      async *recipients({ scheduleId, occurrence, timeZone }) {
        seen.push({ scheduleId, occurrence, timeZone });
        yield { to: 'ada@example.org' };
        yield { to: 'grace@example.org' };
        yield { to: 'nobody@example.org' };
      },
      render: ({ recipient }: { recipient: { to: string } }) =>
        recipient.to.startsWith('nobody') ? undefined : mailTo(recipient.to),
    });
    const { made, ended } = await runOnce(tools, 'digest');
    expect(seen).toEqual([{ scheduleId: 'digest', occurrence: NINE, timeZone: 'UTC' }]);
    expect(made).toEqual({ mails: 2, failed: 0, error: undefined });
    expect(ended).toBe('done');
    const { mails } = await outbox.list({ scheduleId: 'digest' });
    expect(mails).toHaveLength(2);
    expect(mails.find(({ subject }) => subject === 'For ada@example.org')).toMatchObject({
      idempotencyKey: 'digest|2020-05-02T09:00:00.000Z|ada@example.org',
      occurrence: NINE,
      sendAt: NINE,
      expiresAt: NINE + 3_600_000,
      priority: 7,
      tag: 'digest',
    });
    expect(await lastRun('digest')).toEqual({ occurrence: NINE, state: 'done', mails: 2, error: undefined });
  });

  test('without recipients makes one mail', async () => {
    const tools = await toolsFor({ id: 'report' });
    expect((await runOnce(tools, 'report')).ended).toBe('done');
    expect(await mailsOf('report')).toEqual([
      { subject: 'For all@example.org', idempotencyKey: 'report|2020-05-02T09:00:00.000Z|' },
    ]);
  });

  test('that is interrupted is begun again, and nobody gets two', async () => {
    let attempt = 0;
    const many = Array.from({ length: 120 }, (_, n) => `r${n}@example.org`);
    const leaving = new AbortController();
    const tools = await toolsFor({
      id: 'restarted',
      *recipients() {
        attempt += 1;
        for (const [n, to] of many.entries()) {
          if (attempt === 1 && n === 70) leaving.abort(new Error('killed'));
          yield to;
        }
      },
      render: ({ recipient }: { recipient: string }) => mailTo(recipient),
    });
    const { claim, job } = await claimJob('restarted');
    const begun = await beginRun(tools, claim, job);
    await expect(makeMails(tools, tools.schedules.get('restarted')!, job, leaving.signal)).rejects.toThrow('killed');
    expect(begun.verdict).toBe('run');
    expect(await mailsOf('restarted')).toHaveLength(50);
    await engine.release(claim);

    expect((await runOnce(tools, 'restarted')).made).toMatchObject({ mails: 120 });
    expect(attempt).toBe(2);
    const mails = (await outbox.list({ scheduleId: 'restarted', limit: 1000 })).mails;
    expect(mails).toHaveLength(120);
    expect(new Set(mails.map(({ subject }) => subject)).size).toBe(120);
  });

  test('that is done is not done again by a job that is left over', async () => {
    const tools = await toolsFor({ id: 'again' });
    await runOnce(tools, 'again');
    await engine.enqueue(OCCURRENCES, [
      {
        id: '11111111-1111-4111-8111-111111111111',
        data: { scheduleId: 'again', occurrence: NINE, turn: 0 },
        dueAt: NINE,
      },
    ]);
    expect((await runOnce(tools, 'again')).begun.verdict).toBe('nothing');
    expect(await mailsOf('again')).toHaveLength(1);
  });

  test('is not lost when the database’s clock is ahead of the worker’s', async () => {
    const tools = await toolsFor({ id: 'clock' }, NINE - 2000);
    const { begun, ended } = await runOnce(tools, 'clock');
    expect(begun.verdict).toBe('run');
    expect(ended).toBe('done');
  });

  test('of a claim that has ended changes nothing', async () => {
    const tools = await toolsFor({ id: 'stale' });
    const { claim, job } = await claimJob('stale');
    const begun = await beginRun(tools, claim, job);
    if (begun.verdict !== 'run') throw new Error(begun.verdict);
    const made = await makeMails(tools, begun.schedule, job, new AbortController().signal);
    await engine.release(claim);
    expect(await endRun(tools, claim, job, begun.schedule, made)).toBe('lost');
    expect(await lastRun('stale')).toMatchObject({ state: 'running' });
    expect((await runOnce(tools, 'stale')).ended).toBe('done');
    expect(await mailsOf('stale')).toHaveLength(1);
  });
});

describe('an occurrence that fails', () => {
  test('for one recipient is made for the others, and tried again for that one', async () => {
    let broken = true;
    const tools = await toolsFor({
      id: 'one-broken',
      recipients: () => ['ada@example.org', 'broken', 'grace@example.org', 'throws@example.org'],
      render: ({ recipient }: { recipient: string }) => {
        if (broken && recipient.startsWith('throws')) throw new Error('no template');
        return mailTo(broken ? recipient : recipient.replace('broken', 'fixed@example.org'));
      },
    });
    const { made, ended } = await runOnce(tools, 'one-broken');
    expect(made).toMatchObject({ mails: 2, failed: 2 });
    expect(ended).toBe('again');
    expect(await mailsOf('one-broken')).toHaveLength(2);
    expect(await lastRun('one-broken')).toMatchObject({
      state: 'running',
      error: expect.stringMatching(/^2 mails could not be made: /) as string,
    });

    // a job of before that, lost and found again, leaves it to the one that is due now
    await engine.enqueue(OCCURRENCES, [
      {
        id: '22222222-2222-4222-8222-222222222222',
        data: { scheduleId: 'one-broken', occurrence: NINE, turn: 0 },
        dueAt: NINE,
      },
    ]);
    expect((await runOnce(tools, 'one-broken')).begun.verdict).toBe('nothing');

    broken = false;
    expect(await runOnce(tools, 'one-broken')).toMatchObject({ made: { mails: 4, failed: 0 }, ended: 'done' });
    expect(await mailsOf('one-broken')).toHaveLength(4);
    expect(await lastRun('one-broken')).toMatchObject({ state: 'done', error: undefined });
  });

  test('as a whole is tried again until its grace has passed', async () => {
    const definition = {
      id: 'broken',
      missedGrace: 3_600_000,
      recipients: () => {
        throw new Error('the database of users is away');
      },
    };
    const tools = await toolsFor(definition);
    expect((await runOnce(tools, 'broken')).ended).toBe('again');
    const late = { ...tools, now: () => NINE + 3_600_000 };
    expect((await runOnce(late, 'broken')).ended).toBe('failed');
    expect(await lastRun('broken')).toEqual({
      occurrence: NINE,
      state: 'failed',
      mails: 0,
      error: 'the database of users is away',
    });
  });

  test('is put off, whatever stands in its error', async () => {
    const recipients = (): never => {
      throw new Error('no \u0000 row for ada@example.org');
    };
    const tools = await toolsFor({ id: 'unprintable', recipients });
    expect((await runOnce(tools, 'unprintable')).ended).toBe('again');
    expect((await lastRun('unprintable'))?.error).toBe('no   row for [address]');
  });

  test('says nothing of the recipient whose mail could not be made', async () => {
    const to = ['ada lovelace@canary.example'];
    const mail = { envelope: { from: 'noreply@contoso.com', to }, message: 'Subject: x\r\n\r\nx' };
    for (const [id, render] of [
      ['finished', () => mail],
      ['composed', () => mailTo('ada canary.example')],
    ] as const) {
      const { made, ended } = await runOnce(await toolsFor({ id, render }), id);
      expect([ended, made?.failed]).toEqual(['again', 1]);
      expect(made?.error).toMatchObject({ name: 'TypeError', code: 'ERR_INPUT_ADDRESS' });
      const { error } = (await lastRun(id)) ?? {};
      expect(error).toContain('1 mail could not be made: ');
      expect([String(made?.error), error].join()).not.toContain('canary');
    }
  });

  test('because its recipients have no keys says so', async () => {
    const tools = await toolsFor({ id: 'keyless', recipients: () => [{ name: 'Ada' }] });
    expect((await runOnce(tools, 'keyless')).ended).toBe('again');
    expect((await lastRun('keyless'))?.error).toMatch(/^schedules\.keyless\.key: a recipient has none/);
  });
});

describe('an occurrence that meets the one before', () => {
  const TEN = at('05-02T10:00');
  const hourly = { cron: '0 9,10 * * *', render: () => mailTo('all@example.org') };

  test('runs all the same, waits, or is left out', async () => {
    for (const [overlap, verdict] of [
      ['allow', 'run'],
      ['wait', 'later'],
      ['skip', 'skip'],
    ] as const) {
      const id = `overlap-${overlap}`;
      const tools = await toolsFor({ id, ...hourly, overlap });
      await runOnce(tools, id); // its mail waits for a lane
      await within((rows) => advanceSchedule(rows, id, TEN));
      const { claim, job } = await claimJob(id, TEN);
      expect((await beginRun({ ...tools, now: () => TEN }, claim, job)).verdict, overlap).toBe(verdict);
    }
    expect(await lastRun('overlap-skip')).toMatchObject({
      occurrence: TEN,
      state: 'skipped',
      error: 'overlap: mails of an earlier occurrence were still waiting',
    });
  });

  test('runs once that one’s mails are out', async () => {
    const tools = { ...(await toolsFor({ id: 'waits', ...hourly, overlap: 'wait' })), now: () => TEN };
    await runOnce(tools, 'waits');
    await within((rows) => advanceSchedule(rows, 'waits', TEN));
    const first = await claimJob('waits', TEN);
    expect((await beginRun(tools, first.claim, first.job)).verdict).toBe('later');
    await store.db.updateTable('mail').set({ state: 'accepted' }).where('schedule_id', '=', 'waits').execute();
    const second = await claimJob('waits', TEN);
    expect(second.job.turn).toBe(1);
    expect((await beginRun(tools, second.claim, second.job)).verdict).toBe('run');
  });
});

test('a schedule that only another worker knows is left to that one', async () => {
  const tools = await toolsFor({ id: 'theirs' });
  const { claim, job } = await claimJob('theirs');
  expect((await beginRun({ ...tools, schedules: new Map() }, claim, job)).verdict).toBe('later');
  expect((await runOnce(tools, 'theirs')).ended).toBe('done');
});

test('a schedule that nobody knows any more plans nothing, and runs once somebody knows it again', async () => {
  const tools = await toolsFor({ id: 'orphan' }, at('05-02T08:00'));
  const stranger = { ...tools, schedules: new Map(), now: () => NINE };
  for (const turn of [0, 1, 2]) {
    const { claim, job } = await claimJob('orphan');
    expect(job.turn).toBe(turn);
    expect((await beginRun(stranger, claim, job)).verdict).toBe('later');
  }
  expect(await listRuns(store.db, 'orphan', 5)).toEqual([]);
  expect(await runOnce({ ...tools, now: () => NINE }, 'orphan')).toMatchObject({ ended: 'done', made: { mails: 1 } });
  expect((await engine.live([occurrenceJobId('orphan', NINE + 86_400_000)])).size).toBe(1);

  const gone = await toolsFor({ id: 'gone' }, at('05-02T08:00'));
  await removeSchedule(store.db, 'gone');
  const { claim, job } = await claimJob('gone');
  expect((await beginRun({ ...gone, schedules: new Map() }, claim, job)).verdict).toBe('nothing');
});

test('the scheduler runs what becomes due, in time, and gives back what it has when it stops', async () => {
  const events: ScheduleEvent[] = [];
  let heard = (): void => {};
  const enough = new Promise<void>((resolve) => (heard = resolve));
  let stuck = (): void => {};
  const held = new Promise<void>((resolve) => (stuck = resolve));
  const definitions: AnySchedule[] = [
    { id: 'secondly', cron: '* * * * * *', timeZone: 'UTC', render: () => mailTo('all@example.org') },
    {
      id: 'slow',
      at: Date.now() - 1000,
      recipients: async function* () {
        yield 'ada@example.org';
        stuck();
        await new Promise(() => {}); // never looks at the signal
      },
      render: ({ recipient }: { recipient: string }) => mailTo(recipient),
    },
  ];
  const problems: unknown[] = [];
  const scheduler = createScheduler({
    store,
    engine,
    outbox,
    schedules: checkSchedules(definitions, ['noreply']),
    worker: 'w',
    now: Date.now,
    // oxlint-disable-next-line typescript/no-misused-promises -- as callers in JavaScript do
    onEvent: (event) => {
      events.push(event);
      if (events.filter(({ type }) => type === 'run-done').length === 3) heard();
      if (event.type === 'run-done') throw new Error('a listener’s mistake');
      return event.type === 'run-started' ? Promise.reject(new Error('another one’s')) : undefined;
    },
    onProblem: (error) => problems.push(error),
  });
  await scheduler.start();
  await Promise.all([enough, held]);
  await scheduler.stop({ signal: AbortSignal.abort() });
  expect(new Set(problems.map(String))).toEqual(new Set(['Error: another one’s', 'Error: a listener’s mistake']));
  const done = events.filter((event) => event.type === 'run-done' && event.scheduleId === 'secondly');
  const { mails } = await outbox.list({ scheduleId: 'secondly' });
  expect(mails).toHaveLength(done.length);
  expect(new Set(mails.map(({ occurrence }) => occurrence)).size).toBe(mails.length);
  expect(await lastRun('slow')).toMatchObject({ state: 'running' });
  const left = await engine.claim(OCCURRENCES, 100);
  expect(left.some(({ data }) => (data as OccurrenceJob).scheduleId === 'slow')).toBe(true);
});
