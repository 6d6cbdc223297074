// The pools of a mailer, one for each login name, made when first needed and forgotten when nothing is left in them.
import type { Health } from './gate.ts';
import type { Pool } from './pool.ts';

/** More mailboxes than this are looked through for unused pools. */
const MANY = 64;
/** Reasons that are told one by one: a health check is read by people. */
const TOLD = 10;

export class PoolSet {
  readonly #create: (login: string) => Pool;
  readonly #pools = new Map<string, Pool>();

  constructor(create: (login: string) => Pool) {
    this.#create = create;
  }

  of(login: string): Pool {
    // The domain has no case, and no mail service of today gives one to the local part.
    const key = login.toLowerCase();
    let pool = this.#pools.get(key);
    if (pool === undefined) {
      if (this.#pools.size >= MANY) this.#forgetUnused();
      pool = this.#create(login);
      this.#pools.set(key, pool);
    }
    return pool;
  }

  /** The mailer is as well as most of its mailboxes: down when all are, degraded when any is not up. */
  health(): Health {
    const all = [...this.#pools].map(([login, pool]) => ({ login, ...pool.health() }));
    const told = all.flatMap(({ login, reasons: each }) => each.map((reason) => `${login}: ${reason}`));
    const reasons = told.length <= TOLD ? told : [...told.slice(0, TOLD), `and ${told.length - TOLD} more like these`];
    const down = all.filter(({ status }) => status === 'down').length;
    const status = all.length > 0 && down === all.length ? 'down' : reasons.length > 0 ? 'degraded' : 'up';
    const ends = all.flatMap(({ suspendedUntil }) => suspendedUntil ?? []);
    // As long as one mailbox may try, the mailer does.
    const suspended = ends.length > 0 && ends.length === all.length;
    return { status, reasons, ...(suspended && { suspendedUntil: Math.min(...ends) }) };
  }

  resume(): void {
    for (const pool of this.#pools.values()) pool.resume();
  }

  async close(deadline: number): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.close(deadline)));
  }

  #forgetUnused(): void {
    for (const [key, pool] of this.#pools) if (pool.forgettable) this.#pools.delete(key);
  }
}
