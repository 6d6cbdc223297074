// Looks when something is due and opens lanes for it. One query a second, or when somebody says that there is mail.
import { sql } from 'kysely';
import type { Context } from './context.ts';
import { Lane, type LaneOptions } from './lane.ts';
import { releaseSlot, renewSlots, takeSlot } from './slots.ts';

export interface DispatchedMailbox extends Omit<LaneOptions, 'slot' | 'mailbox' | 'holder'> {
  /** Lanes at a time. */
  readonly connections: number;
}

interface Due {
  readonly mailbox: string;
  /** There is mail that is due, or in some worker's hands. */
  readonly now: boolean;
  /** Milliseconds until the next that is not due yet; null: there is none, or the mailbox rests. */
  readonly wait: number | null;
}

/** Milliseconds. What another process enqueues without being heard is found after this long. */
const LOOK = 1_000;
/** While mail is due that cannot go at once. */
const LOOK_AGAIN = 250;
/** Between two signs of life: three fit into a lease. */
const BEAT = 3_000;

export class Dispatcher {
  readonly #context: Context;
  readonly #mailboxes: ReadonlyMap<string, DispatchedMailbox>;
  readonly #lanes = new Set<Lane>();
  #lanesEver = 0;
  #running: Promise<void> | undefined;
  #beating: Promise<void> | undefined;
  #beat: NodeJS.Timeout | undefined;
  #stopped = false;
  #wake: (() => void) | undefined;
  #woken = false;
  /** When it last looked, epoch milliseconds: a loop that hangs shows here. */
  lookedAt = 0;

  constructor(context: Context, mailboxes: ReadonlyMap<string, DispatchedMailbox>) {
    this.#context = context;
    this.#mailboxes = mailboxes;
  }

  get lanes(): readonly { readonly mailbox: string; readonly slot: number; readonly busy: boolean }[] {
    return [...this.#lanes].map(({ mailbox, slot, busy }) => ({ mailbox, slot, busy }));
  }

  start(): void {
    if (this.#stopped) return;
    this.#running ??= this.#run();
    this.#beat ??= setInterval(() => {
      // One at a time: a slow database must not pile them up.
      this.#beating ??= this.#signOfLife()
        .catch(this.#context.onProblem)
        .finally(() => (this.#beating = undefined));
    }, BEAT);
  }

  /** There may be mail. */
  wake(): void {
    this.#woken = true;
    this.#wake?.();
  }

  /** No new message; those in hand may take `drainMs`, then they are given back or in doubt. */
  async stop(drainMs: number): Promise<void> {
    this.#stopped = true;
    // Before anything is awaited: the look may be waiting for the database.
    for (const lane of this.#lanes) lane.stop();
    let late: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => {
      late = setTimeout(() => {
        for (const lane of this.#lanes) lane.abort();
        resolve();
      }, drainMs);
    });
    this.wake();
    await Promise.all([...this.#lanes].map((lane) => lane.ended));
    clearInterval(this.#beat);
    // What these two still wait for leads to nothing any more.
    await Promise.race([Promise.all([this.#running, this.#beating]), deadline]);
    clearTimeout(late);
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      this.#woken = false;
      let wait = LOOK;
      try {
        wait = await this.#look();
        this.lookedAt = this.#context.now();
      } catch (error) {
        this.#context.onProblem(error);
      }
      await this.#sleep(wait);
    }
  }

  #sleep(wait: number): Promise<void> {
    if (this.#woken || this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(end, wait);
      const wake = (): void => end();
      function end(): void {
        clearTimeout(timer);
        resolve();
      }
      this.#wake = wake;
    });
  }

  /** Milliseconds until the next look. */
  async #look(): Promise<number> {
    let next = LOOK;
    for (const { mailbox, now, wait } of await this.#due()) {
      next = Math.min(next, now ? LOOK_AGAIN : LOOK, wait ?? LOOK);
      if (now) await this.#serve(mailbox);
    }
    return Math.max(1, Math.ceil(next));
  }

  /** By the database's clock, which is the one that makes jobs due. */
  async #due(): Promise<readonly Due[]> {
    const ids = [...this.#mailboxes.keys()];
    const waiting = sql`mailbox_id = m.id and state in ('scheduled', 'deferred')`;
    const { rows } = await sql<Due>`
      select m.id as mailbox,
        exists (select from mailgrant.mail where ${waiting} and next_at <= t.now)
          or exists (select from mailgrant.mail where mailbox_id = m.id and state = 'sending') as now,
        (extract(epoch from (select min(next_at) from mailgrant.mail where ${waiting} and next_at > t.now) - t.now) * 1000)
          ::double precision as wait
      from mailgrant.mailbox m cross join (select clock_timestamp() as now) t
      where m.id = any(${ids}::text[]) and m.paused_at is null
        and (m.blocked_until is null or m.blocked_until <= t.now)`.execute(this.#context.store.db);
    return rows;
  }

  async #serve(mailbox: string): Promise<void> {
    const options = this.#mailboxes.get(mailbox);
    if (options === undefined || this.#stopped) return;
    const lanes = [...this.#lanes].filter((lane) => lane.mailbox === mailbox);
    for (const lane of lanes) lane.wake();
    // A lane that waits, for mail or for its turn, can take what is due.
    if (lanes.length >= options.connections || lanes.some((lane) => !lane.busy)) return;
    const holder = `${this.#context.worker}#${++this.#lanesEver}`;
    const taken = lanes.map((lane) => lane.slot);
    const slot = await takeSlot(this.#context.store.db, mailbox, holder, taken);
    if (slot === undefined) return;
    if (this.#stopped) return releaseSlot(this.#context.store.db, mailbox, slot, holder);
    const lane = new Lane(this.#context, { ...options, mailbox, slot, holder });
    this.#lanes.add(lane);
    void lane.ended.then(() => this.#lanes.delete(lane));
  }

  async #signOfLife(): Promise<void> {
    const { store, engine } = this.#context;
    // Those there are now: a lane that begins meanwhile is not in what is read.
    const lanes = [...this.#lanes];
    if (lanes.length === 0) return;
    const holders = lanes.map(({ holder }) => holder);
    const held = await renewSlots(store.db, holders);
    // Whoever lost a place finishes what is at its last bytes and begins nothing more over that connection.
    for (const lane of lanes) if (!held.has(lane.holder)) lane.stop();
    const ended = await engine.touch(lanes.flatMap(({ claim }) => (claim === undefined ? [] : [claim])));
    for (const claim of ended) for (const lane of lanes) lane.lose(claim);
  }
}
