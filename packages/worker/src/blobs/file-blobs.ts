// Bodies as files named by their contents, for the embedded store: PGlite takes seconds for what a file takes milliseconds.
import { randomUUID } from 'node:crypto';
import { chmodSync, createReadStream, mkdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Kysely } from 'kysely';
import type { Tables } from '../schema/tables.ts';
import { flushDirectory } from '../store/pglite-durable-fs.ts';
import type { BlobRef, BlobStore } from './blob-store.ts';
import { type Body, CHUNK, GRACE, checkName, chunksOf, missing, sha256, verified } from './body.ts';

export class FileBlobStore implements BlobStore {
  readonly dir: string;
  readonly #unfinished: string;
  readonly #db: Kysely<Tables>;
  readonly #now: () => number;
  /** Folders whose names are known to be on the disk. */
  readonly #durable = new Set<string>();

  /** The directory belongs to this process: what is unfinished in it was left by one that is gone. */
  constructor(dir: string, db: Kysely<Tables>, now: () => number = Date.now) {
    this.dir = dir;
    this.#unfinished = join(dir, 'unfinished');
    this.#db = db;
    this.#now = now;
    rmSync(this.#unfinished, { recursive: true, force: true });
    mkdirSync(this.#unfinished, { recursive: true, mode: 0o700 });
    chmodSync(dir, 0o700); // it may have been there before
    flushDirectory(dirname(dir));
  }

  async put(body: Body): Promise<BlobRef> {
    const path = join(this.#unfinished, randomUUID());
    try {
      const ref = await this.#write(path, body);
      await this.#keep(path, ref);
      return ref;
    } finally {
      await rm(path, { force: true });
    }
  }

  async keep(names: readonly string[]): Promise<void> {
    for (const name of names) if (!this.#touch(this.#pathOf(name))) throw missing(name);
  }

  async *get(name: string): AsyncGenerator<Uint8Array> {
    checkName(name);
    const file = createReadStream(this.#pathOf(name), { highWaterMark: CHUNK });
    try {
      yield* verified(name, file as AsyncIterable<Uint8Array>);
    } catch (error) {
      throw error instanceof Error && 'code' in error && error.code === 'ENOENT' ? missing(name, error) : error;
    }
  }

  async sweep({ grace = GRACE }: { readonly grace?: number } = {}): Promise<{ readonly deleted: number }> {
    const before = this.#now() - grace;
    let deleted = 0;
    for (const folder of await readdir(this.dir)) {
      if (folder === 'unfinished') continue;
      const names = (await readdir(join(this.dir, folder))).filter((name) => this.#isOlder(name, before));
      const needed = await this.#needed(names);
      for (const name of names) {
        // Looked at and deleted in one go: put() cannot come in between and find a body that is gone a moment later.
        if (needed.has(name) || !this.#isOlder(name, before)) continue;
        rmSync(this.#pathOf(name), { force: true });
        deleted += 1;
      }
    }
    return { deleted };
  }

  async #write(path: string, body: Body): Promise<BlobRef> {
    const hash = sha256();
    let size = 0;
    const file = await open(path, 'wx', 0o600);
    try {
      for await (const chunk of chunksOf(body)) {
        hash.update(chunk);
        size += chunk.length;
        await file.writeFile(chunk);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    return { sha256: hash.digest('hex'), size };
  }

  /** Under its name, or the same body that is there already, as of now. The name is durable when this resolves. */
  async #keep(path: string, { sha256: name, size }: BlobRef): Promise<void> {
    const kept = this.#pathOf(name);
    const folder = dirname(kept);
    if (!this.#touch(kept, size)) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await rename(path, kept);
    }
    flushDirectory(folder);
    // Whoever made the folder may have crashed before its name was on the disk.
    if (this.#durable.has(folder)) return;
    flushDirectory(this.dir);
    this.#durable.add(folder);
  }

  /** @returns whether the body is there */
  #touch(path: string, size?: number): boolean {
    try {
      if (size !== undefined && statSync(path).size !== size) return false; // cut off by a crash of the disk: written anew
      const now = this.#now() / 1000;
      utimesSync(path, now, now);
      return true;
    } catch {
      return false; // not there, or just swept away
    }
  }

  async #needed(names: readonly string[]): Promise<Set<string | null>> {
    if (names.length === 0) return new Set();
    const rows = await this.#db
      .selectFrom('mail')
      .select('mime_blob')
      .where('mime_blob', 'in', names)
      .distinct()
      .execute();
    return new Set(rows.map(({ mime_blob }) => mime_blob));
  }

  #isOlder(name: string, before: number): boolean {
    const found = statSync(this.#pathOf(name), { throwIfNoEntry: false });
    return found !== undefined && found.mtimeMs < before;
  }

  #pathOf(name: string): string {
    return join(this.dir, name.slice(0, 2), name);
  }
}
