// The power fails at random moments; what the disk is left with has every mail that was acknowledged.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { amcheck } from '@electric-sql/pglite/contrib/amcheck';
import { NodeFS } from '@electric-sql/pglite/nodefs';
import { expect, test } from 'vitest';
import { openStore } from '../src/store/open-store.ts';
import type { Store } from '../src/store/store.ts';
import { createDirectory, createStoreDirectory } from './support/embedded.ts';
import { randomOf } from './support/random.ts';
import { SimulatedDisk } from './support/simulated-disk.ts';

type Durability = 'power-loss' | 'process-crash';

/** What was acknowledged: ids of mails, and the bodies they name. */
type Acknowledged = Map<string, string | undefined>;

interface Image {
  readonly dir: string;
  readonly acknowledged: Acknowledged;
}

const IMAGES = Number(process.env['POWER_LOSS_IMAGES'] ?? 4);
const MAILS = IMAGES * 10;
const SEED = Number(process.env['POWER_LOSS_SEED'] ?? 20_261_120);

/** Puts mails into a store while the power fails again and again, somewhere else. */
async function work(dir: string, images: string, durability: Durability, seed: number): Promise<Image[]> {
  const random = randomOf(seed);
  const taken: Image[] = [];
  const acknowledged: Acknowledged = new Map();
  let fuse = Number.POSITIVE_INFINITY; // changes of the disk until the power fails
  using disk = new SimulatedDisk(dir, () => {
    fuse -= 1;
    if (fuse >= 0) return;
    fuse = Number.POSITIVE_INFINITY;
    const image = join(images, String(taken.length));
    taken.push({ dir: image, acknowledged: new Map(acknowledged) });
    disk.image(image, [0, 0.5, 0.9][taken.length % 3] ?? 0, random);
  });
  const store = await openStore({ kind: 'embedded', dir, durability });
  await store.db.insertInto('mailbox').values({ id: 'noreply', connections: 3 }).execute();
  for (let n = 0; n < MAILS; n += 1) {
    if (n % (MAILS / IMAGES) === 4) fuse = Math.floor(random() * 20); // a mail is about ten changes
    const [id, body] = await enqueue(store, n, random);
    acknowledged.set(id, body);
    if (n % 10 === 5) await store.db.updateTable('mail').set({ state: 'accepted', mime: null }).execute();
    if (n % 25 === 20) await store.executor().executeSql('checkpoint');
    if (n % 25 === 24) await store.executor().executeSql('vacuum');
  }
  await store.close();
  return taken;
}

async function enqueue(store: Store, n: number, random: () => number): Promise<[string, string | undefined]> {
  const id = randomUUID();
  const bytes = Buffer.alloc(Math.ceil(random() * 60_000), `mail ${n} `);
  const large = random() < 0.3;
  const body = large ? (await store.blobs.put(Buffer.concat([bytes, bytes]))).sha256 : undefined;
  await store.transaction(async (trx) => {
    await trx
      .insertInto('mail')
      .values({
        id,
        mailbox_id: 'noreply',
        due_at: new Date(0),
        envelope: JSON.stringify({ from: 'noreply@contoso.com' }),
        mime: large ? null : bytes,
        mime_blob: body ?? null,
        mime_size: bytes.length,
      })
      .execute();
    await trx.insertInto('mail_recipient').values({ mail_id: id, position: 0, address: 'a@contoso.com' }).execute();
  });
  return [id, body];
}

/** Opens what is left, looks into every page and index, and for every mail. */
async function inspect({ dir, acknowledged }: Image): Promise<string> {
  try {
    await checkPages(join(dir, 'data'));
    const store = await openStore({ kind: 'embedded', dir });
    try {
      const there = new Set((await store.db.selectFrom('mail').select('id').execute()).map(({ id }) => id));
      for (const [id, body] of acknowledged) {
        if (!there.has(id)) return 'an acknowledged mail is lost';
        if (body !== undefined) for await (const piece of store.blobs.get(body)) expect(piece).toBeDefined();
      }
    } finally {
      await store.close();
    }
    return 'fine';
  } catch (error) {
    return String(error);
  }
}

async function checkPages(data: string): Promise<void> {
  const pglite = await PGlite.create({ fs: new NodeFS(data), extensions: { amcheck } });
  await pglite.exec('create extension if not exists amcheck');
  await pglite.query(
    `select bt_index_check(index => c.oid, heapallindexed => true) from pg_class c
       join pg_index i on i.indexrelid = c.oid join pg_am am on am.oid = c.relam
      where am.amname = 'btree' and i.indisready and i.indisvalid`,
  );
  const { rows } = await pglite.query(
    `select h.* from pg_class c cross join lateral verify_heapam(c.oid::regclass) h where c.relkind in ('r', 't')`,
  );
  await pglite.close();
  if (rows.length > 0) throw new Error(`damaged: ${JSON.stringify(rows[0])}`);
}

test('an embedded store that lost power opens with every acknowledged mail', { timeout: 120_000 }, async () => {
  using directory = await createStoreDirectory();
  using images = createDirectory();
  const taken = await work(directory.dir, images.dir, 'power-loss', SEED);
  expect(taken.length).toBe(IMAGES);
  expect(taken.at(-1)?.acknowledged.size).toBeGreaterThan(0);
  for (const image of taken) expect(await inspect(image)).toBe('fine');
});

test('without flushing the same simulation finds damage, so it would be seen', { timeout: 120_000 }, async () => {
  using directory = await createStoreDirectory();
  using images = createDirectory();
  const taken = await work(directory.dir, images.dir, 'process-crash', SEED);
  const found = [];
  for (const image of taken.slice(-2)) found.push(await inspect(image));
  expect(found).not.toEqual(found.map(() => 'fine'));
});
