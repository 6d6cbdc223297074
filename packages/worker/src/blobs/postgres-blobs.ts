// Bodies as rows of 256 KB, so that neither side ever holds a whole one.
import { randomUUID } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import type { Tables } from '../schema/tables.ts';
import { build, run } from '../store/statements.ts';
import type { SqlExecutor } from '../store/store.ts';
import { transactionExecutor } from '../store/transaction-executor.ts';
import type { BlobRef, BlobStore } from './blob-store.ts';
import { type Body, GRACE, checkName, chunksOf, missing, sha256, verified } from './body.ts';

export class PostgresBlobStore implements BlobStore {
  readonly #db: Kysely<Tables>;

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  async put(body: Body, db?: SqlExecutor): Promise<BlobRef> {
    const put = (on: SqlExecutor) => (body instanceof Uint8Array ? putBytes(on, body) : putStream(on, body));
    return db === undefined ? this.#db.transaction().execute((trx) => put(transactionExecutor(trx))) : put(db);
  }

  async keep(names: readonly string[], db: SqlExecutor): Promise<void> {
    // One by one, in the same order everywhere: nobody waits for somebody who waits for him.
    for (const name of [...new Set(names)].sort()) {
      const found = await run(
        db,
        build
          .updateTable('blob')
          .set({ put_at: sql<Date>`clock_timestamp()` })
          .where('sha256', '=', name)
          .returning('sha256'),
      );
      if (found.length === 0) throw missing(name);
    }
  }

  async *get(name: string): AsyncGenerator<Uint8Array> {
    checkName(name);
    yield* verified(name, this.#chunks(name));
  }

  async sweep({ grace = GRACE }: { readonly grace?: number } = {}): Promise<{ readonly deleted: number }> {
    const { numDeletedRows } = await this.#db
      .deleteFrom('blob')
      .where(
        'sha256',
        'in',
        (query) =>
          query
            .selectFrom('blob')
            .select('sha256')
            .where('put_at', '<', sql<Date>`clock_timestamp() - make_interval(secs => ${grace / 1000})`)
            .where((where) =>
              where.not(where.exists(where.selectFrom('mail').select('id').whereRef('mime_blob', '=', 'blob.sha256'))),
            )
            .forUpdate()
            .skipLocked(), // whoever holds it is about to name it
      )
      .executeTakeFirstOrThrow();
    return { deleted: Number(numDeletedRows) };
  }

  async *#chunks(name: string): AsyncGenerator<Uint8Array> {
    const { size } =
      (await this.#db.selectFrom('blob').select('size').where('sha256', '=', name).executeTakeFirst()) ?? absent(name);
    let seen = 0;
    for (let n = 0; seen < size; n += 1) {
      const { bytes } =
        (await this.#db
          .selectFrom('blob_chunk')
          .select('bytes')
          .where('sha256', '=', name)
          .where('n', '=', n)
          .executeTakeFirst()) ?? absent(name);
      seen += bytes.length;
      yield bytes;
    }
  }
}

async function putBytes(db: SqlExecutor, body: Uint8Array): Promise<BlobRef> {
  const ref = { sha256: sha256().update(body).digest('hex'), size: body.length };
  if (await claim(db, ref)) await insertChunks(db, ref.sha256, body);
  return ref;
}

/** Its name is known at its end: until then it has another one. */
async function putStream(db: SqlExecutor, body: Body): Promise<BlobRef> {
  const upload = `upload:${randomUUID()}`;
  await claim(db, { sha256: upload, size: 0 });
  const ref = await insertChunks(db, upload, body);
  if (await claim(db, ref)) {
    await run(db, build.updateTable('blob_chunk').set({ sha256: ref.sha256 }).where('sha256', '=', upload));
  }
  await run(db, build.deleteFrom('blob').where('sha256', '=', upload));
  return ref;
}

/** @returns whether the chunks are still to be written; a body that is there is as of now again */
async function claim(db: SqlExecutor, { sha256: name, size }: BlobRef): Promise<boolean> {
  const now = sql<Date>`clock_timestamp()`;
  const [row] = await run(
    db,
    build
      .insertInto('blob')
      .values({ sha256: name, size, put_at: now })
      .onConflict((conflict) => conflict.column('sha256').doUpdateSet({ put_at: now }))
      .returning(sql<boolean>`xmax = 0`.as('inserted')),
  );
  return row?.inserted === true;
}

async function insertChunks(db: SqlExecutor, name: string, body: Body): Promise<BlobRef> {
  const hash = sha256();
  let size = 0;
  let n = 0;
  for await (const bytes of chunksOf(body)) {
    hash.update(bytes);
    size += bytes.length;
    await run(db, build.insertInto('blob_chunk').values({ sha256: name, n, bytes }));
    n += 1;
  }
  return { sha256: hash.digest('hex'), size };
}

function absent(name: string): never {
  throw missing(name);
}
