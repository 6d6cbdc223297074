// Mails are enqueued and sent while workers, and the database, are killed at random moments. Then it is counted what arrived:
// by the sandbox, which has a message when its last bytes came, whether or not its answer is heard.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { openStore, type StoreOptions } from '../../src/index.ts';
import { randomOf } from '../support/random.ts';
import { type Counts, countCopies } from './count.ts';
import { Fleet } from './fleet.ts';
import { createCrashPlace } from './places.ts';
import type { WorkerSettings } from './worker.ts';

export interface CrashOptions {
  readonly store: 'embedded' | 'postgres';
  readonly mails: number;
  readonly kills: number;
  /** How often PostgreSQL is killed. */
  readonly databaseKills: number;
  readonly workers: number;
  readonly onInDoubt: 'resend' | 'hold';
  readonly seed: number;
  /** Milliseconds from the last byte of a message to the server's answer: the window in which a death leaves doubt. */
  readonly answerAfter: number;
}

export interface CrashReport extends Counts {
  readonly options: CrashOptions;
  /** That were told to be safe. */
  readonly acknowledged: number;
  readonly kills: number;
  readonly databaseKills: number;
  /** Workers that ended without being killed. */
  readonly exits: number;
  readonly seconds: number;
}

const BATCH = 20;
/** How many mails wait at most, so that enqueueing is hit too. */
const BACKLOG = 200;
/** After this time without a message something else has to happen, in milliseconds. */
const STALL = 15_000;
const LONGEST = 15 * 60_000;

export async function crash(options: CrashOptions): Promise<CrashReport> {
  const started = Date.now();
  await using place = await createCrashPlace(options.store);
  await using sandbox = await createSandbox({
    smtp: { limits: { connections: Infinity, recipientsPerDay: Infinity } },
  });
  sandbox.exchange.next('MESSAGE', { delay: options.answerAfter, times: Infinity });
  const settings = join(place.dir, 'crash.json');
  writeFileSync(settings, JSON.stringify(settingsOf(options, sandbox, place.store)));

  const random = randomOf(options.seed);
  const acknowledged = new Set<string>();
  const keys = Array.from({ length: options.mails }, (_, n) => `mail ${n}`);
  let ordered: readonly string[] = []; // given to somebody who has not answered
  let open = Infinity;
  await using fleet: Fleet = new Fleet({
    workers: options.workers,
    settings,
    onAnswer(answer) {
      if (answer.answer === 'enqueued') {
        for (const key of answer.keys) acknowledged.add(key);
        ordered = [];
      } else if (answer.answer === 'counted') ({ open } = answer);
    },
    onStart(kill) {
      if (fleet.kills < options.kills && random() < 0.2) setTimeout(kill, random() * 1500).unref();
    },
    onEnd() {
      ordered = [];
    },
  });

  fleet.start();

  let databaseKills = 0;
  let asked = 0;
  const arrived = () => sandbox.inbox.messages.length;
  const killsAt = moments(options.kills, options.mails, random);
  const databaseKillsAt = moments(options.databaseKills, options.mails, random);
  let last = { arrived: 0, at: Date.now() };
  while (Date.now() - started < LONGEST) {
    await wait(5 + random() * 30);
    if (arrived() > last.arrived) last = { arrived: arrived(), at: Date.now() };
    const stalled = Date.now() - last.at > STALL && arrived() < options.mails;
    if (fleet.kills < options.kills && (arrived() >= (killsAt[fleet.kills] ?? 0) || stalled)) {
      fleet.kill(random());
      last.at = Date.now();
    }
    if (databaseKills < options.databaseKills && arrived() >= (databaseKillsAt[databaseKills] ?? 0)) {
      databaseKills += 1;
      await place.killDatabase?.();
    }
    if (ordered.length === 0 && acknowledged.size < keys.length && acknowledged.size - arrived() < BACKLOG) {
      const next = keys.filter((key) => !acknowledged.has(key)).slice(0, BATCH);
      if (fleet.order({ order: 'enqueue', keys: next }, random())) ordered = next;
    }
    if (acknowledged.size === keys.length && Date.now() - asked > 250) {
      asked = Date.now();
      fleet.order({ order: 'count' }, random());
    }
    if (acknowledged.size === keys.length && open === 0) break;
  }
  await fleet.stop();

  const store = await openStore(place.store);
  const counts = await countCopies(store, acknowledged, sandbox.inbox.messages);
  await store.close();
  const seconds = Math.round((Date.now() - started) / 100) / 10;
  const { kills, exits } = fleet;
  return { options, acknowledged: acknowledged.size, kills, databaseKills, exits, seconds, ...counts };
}

export function settingsOf(
  { onInDoubt }: Pick<CrashOptions, 'onInDoubt'>,
  { smtp, ca, mailbox, tokenEndpoint, clientId, clientSecret, scope }: Sandbox,
  store: StoreOptions,
  schedules: WorkerSettings['schedules'] = {},
): WorkerSettings {
  return {
    store,
    sandbox: { smtp, ca, mailbox, tokenEndpoint, clientId, clientSecret, scope },
    onInDoubt,
    connections: 8,
    schedules,
  };
}

/** Spread by chance over the messages that are to arrive. */
function moments(count: number, mails: number, random: () => number): readonly number[] {
  return Array.from({ length: count }, () => Math.floor(random() * mails * 0.95)).toSorted((a, b) => a - b);
}
