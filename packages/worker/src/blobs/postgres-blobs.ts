// Bodies as rows of 256 KB, so that neither side ever holds a whole one.
import { randomUUID } from 'node:crypto';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { Tables } from '../schema/tables.ts';
import type { BlobRef, BlobStore } from './blob-store.ts';
import { type Body, GRACE, checkName, chunksOf, missing, sha256, verified } from './body.ts';

export class PostgresBlobStore implements BlobStore {
  readonly #db: Kysely<Tables>;

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  async put(body: Body): Promise<BlobRef> {
    return body instanceof Uint8Array ? this.#putBytes(body) : this.#putStream(body);
  }

  async *get(name: string): AsyncGenerator<Uint8Array> {
    checkName(name);
    yield* verified(name, this.#chunks(name));
  }

  async sweep({ grace = GRACE }: { readonly grace?: number } = {}): Promise<{ readonly deleted: number }> {
    // A put at the same time holds the row: this waits for it, and then sees that the body is wanted.
    const { numDeletedRows } = await this.#db
      .deleteFrom('blob')
      .where('put_at', '<', sql<Date>`clock_timestamp() - make_interval(secs => ${grace / 1000})`)
      .where((where) =>
        where.not(where.exists(where.selectFrom('mail').select('id').whereRef('mime_blob', '=', 'blob.sha256'))),
      )
      .executeTakeFirstOrThrow();
    return { deleted: Number(numDeletedRows) };
  }

  async #putBytes(body: Uint8Array): Promise<BlobRef> {
    const ref = { sha256: sha256().update(body).digest('hex'), size: body.length };
    await this.#db.transaction().execute(async (trx) => {
      if (await claim(trx, ref)) await insertChunks(trx, ref.sha256, body);
    });
    return ref;
  }

  /** Its name is known at its end: until then it has another one. */
  async #putStream(body: Body): Promise<BlobRef> {
    return this.#db.transaction().execute(async (trx) => {
      const upload = `upload:${randomUUID()}`;
      await claim(trx, { sha256: upload, size: 0 });
      const ref = await insertChunks(trx, upload, body);
      if (await claim(trx, ref)) {
        await trx.updateTable('blob_chunk').set({ sha256: ref.sha256 }).where('sha256', '=', upload).execute();
      }
      await trx.deleteFrom('blob').where('sha256', '=', upload).execute();
      return ref;
    });
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

/** @returns whether the chunks are still to be written; a body that is there is as of now again */
async function claim(trx: Transaction<Tables>, { sha256: name, size }: BlobRef): Promise<boolean> {
  const now = sql<Date>`clock_timestamp()`;
  const { inserted } = await trx
    .insertInto('blob')
    .values({ sha256: name, size, put_at: now })
    .onConflict((conflict) => conflict.column('sha256').doUpdateSet({ put_at: now }))
    .returning(sql<boolean>`xmax = 0`.as('inserted'))
    .executeTakeFirstOrThrow();
  return inserted;
}

async function insertChunks(trx: Transaction<Tables>, name: string, body: Body): Promise<BlobRef> {
  const hash = sha256();
  let size = 0;
  let n = 0;
  for await (const bytes of chunksOf(body)) {
    hash.update(bytes);
    size += bytes.length;
    await trx.insertInto('blob_chunk').values({ sha256: name, n, bytes }).execute();
    n += 1;
  }
  return { sha256: hash.digest('hex'), size };
}

function absent(name: string): never {
  throw missing(name);
}
