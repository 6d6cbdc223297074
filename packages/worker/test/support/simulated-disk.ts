// A disk that loses power. It watches what this process does to a directory, and can say at any moment what might be found
// there after the power was cut: what was flushed, and of the rest whatever chance leaves.
//
// Bytes: of each block of 4 KB that was written since the file's last fsync either the old or the new contents. Names: of
// the changes to a directory since its last fsync the first few, none to all. This is harsher than journaling file systems
// are, which keep the order of changes over all directories.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename, dirname, join, resolve, sep } from 'node:path';

const BLOCK = 4096;

type Random = () => number;

interface FileContents {
  bytes: Buffer;
  /** As of the last fsync. */
  flushed: Buffer;
  /** Blocks written since. */
  readonly dirty: Set<number>;
}
type Entry = FileContents | Folder;
interface Folder {
  readonly entries: Map<string, Entry>;
  readonly flushed: Map<string, Entry>;
  /** Changes since the last fsync. */
  readonly pending: { readonly name: string; readonly entry: Entry | undefined }[];
}

const isFolder = (entry: Entry | undefined): entry is Folder => entry !== undefined && 'entries' in entry;

export class SimulatedDisk {
  /** Flushes seen. */
  flushes = 0;
  readonly #root: string;
  readonly #tree: Folder;
  readonly #open = new Map<number, Entry>();
  readonly #original = { ...fs };
  #replaced: Partial<typeof fs> = {};
  readonly #originalPromises = { ...fs.promises };
  readonly #onChange: () => void;

  /**
   * Starts watching a directory, whose contents are taken to be on the disk.
   *
   * @param onChange called before each change
   */
  constructor(root: string, onChange: () => void = () => {}) {
    this.#root = resolve(root);
    this.#tree = this.#load(this.#root);
    this.#onChange = onChange;
    this.#watch();
  }

  /** Stops watching. */
  [Symbol.dispose](): void {
    Object.assign(fs, this.#replaced);
    Object.assign(fs.promises, this.#originalPromises);
    syncBuiltinESMExports();
  }

  /** Writes into `target` what might be left if the power failed now. */
  image(target: string, survival: number, random: Random): void {
    this.#write(this.#tree, target, survival, random);
  }

  #write(folder: Folder, target: string, survival: number, random: Random): void {
    this.#original.mkdirSync(target, { recursive: true, mode: 0o700 });
    const entries = new Map(folder.flushed);
    for (const { name, entry } of folder.pending) {
      if (random() >= survival) break; // in order: nothing after what is lost
      if (entry === undefined) entries.delete(name);
      else entries.set(name, entry);
    }
    for (const [name, entry] of entries) {
      const path = join(target, name);
      if (isFolder(entry)) this.#write(entry, path, survival, random);
      else this.#original.writeFileSync(path, remains(entry, survival, random));
    }
  }

  #load(path: string): Folder {
    const entries = new Map<string, Entry>();
    for (const entry of fs.readdirSync(path, { withFileTypes: true })) {
      const child = join(path, entry.name);
      if (entry.isDirectory()) entries.set(entry.name, this.#load(child));
      else if (entry.isFile()) entries.set(entry.name, onDisk(fs.readFileSync(child)));
    }
    return { entries, flushed: new Map(entries), pending: [] };
  }

  #find(path: string): Entry | undefined {
    const full = resolve(path);
    if (full === this.#root) return this.#tree;
    if (!full.startsWith(this.#root + sep)) return undefined;
    let entry: Entry | undefined = this.#tree;
    for (const name of full.slice(this.#root.length + 1).split(sep)) {
      entry = isFolder(entry) ? entry.entries.get(name) : undefined;
    }
    return entry;
  }

  #name(path: string, entry: Entry | undefined): void {
    const folder = this.#find(dirname(resolve(path)));
    if (!isFolder(folder)) return;
    const name = basename(path);
    this.#onChange();
    if (entry === undefined) folder.entries.delete(name);
    else folder.entries.set(name, entry);
    folder.pending.push({ name, entry });
  }

  #touchFile(path: string, truncate: boolean): void {
    const found = this.#find(path);
    if (found === undefined) this.#name(path, { bytes: Buffer.alloc(0), flushed: Buffer.alloc(0), dirty: new Set() });
    else if (truncate && !isFolder(found)) this.#resize(found, 0);
  }

  #resize(file: FileContents, size: number): void {
    this.#onChange();
    const bytes = Buffer.alloc(size);
    file.bytes.copy(bytes, 0, 0, Math.min(size, file.bytes.length));
    file.bytes = bytes;
    file.dirty.add(-1); // the size itself
  }

  #bytes(file: FileContents, bytes: Uint8Array, position: number): void {
    this.#onChange();
    const end = position + bytes.length;
    if (end > file.bytes.length) {
      file.bytes = Buffer.concat([file.bytes, Buffer.alloc(end - file.bytes.length)]);
      file.dirty.add(-1);
    }
    file.bytes.set(bytes, position);
    for (let block = Math.floor(position / BLOCK); block * BLOCK < end; block += 1) file.dirty.add(block);
  }

  #flush(entry: Entry | undefined): void {
    if (entry === undefined) return;
    this.#onChange();
    this.flushes += 1;
    if (isFolder(entry)) {
      entry.flushed.clear();
      for (const [name, child] of entry.entries) entry.flushed.set(name, child);
      entry.pending.length = 0;
    } else {
      entry.flushed = Buffer.from(entry.bytes);
      entry.dirty.clear();
    }
  }

  #watch(): void {
    const original = this.#original;
    const watched: Partial<typeof fs> = {
      openSync: (path, flags, mode) => {
        const fd = original.openSync(path, flags, mode);
        if (resolve(String(path)).startsWith(this.#root)) {
          const creates = typeof flags === 'number' ? (flags & fs.constants.O_CREAT) !== 0 : /[wa]/.test(flags ?? 'r');
          const truncates = typeof flags === 'number' ? (flags & fs.constants.O_TRUNC) !== 0 : /w/.test(flags ?? 'r');
          if (creates || truncates) this.#touchFile(String(path), truncates);
          const entry = this.#find(String(path));
          if (entry !== undefined) this.#open.set(fd, entry);
        }
        return fd;
      },
      closeSync: (fd) => {
        this.#open.delete(fd);
        original.closeSync(fd);
      },
      writeFileSync: (path, data, options) => {
        // Node's own goes through the functions below, but not always.
        Object.assign(fs, this.#replaced);
        original.writeFileSync(path, data, options);
        Object.assign(fs, watched);
        if (typeof path !== 'string') return;
        this.#touchFile(path, true);
        const file = this.#find(path);
        if (file !== undefined && !isFolder(file)) this.#bytes(file, Buffer.from(data as string), 0);
      },
      fsyncSync: (fd) => {
        original.fsyncSync(fd);
        this.#flush(this.#open.get(fd));
      },
      ftruncateSync: (fd, length) => {
        original.ftruncateSync(fd, length);
        const file = this.#open.get(fd);
        if (file !== undefined && !isFolder(file)) this.#resize(file, length ?? 0);
      },
      truncateSync: (path, length) => {
        original.truncateSync(path, length);
        const file = this.#find(String(path));
        if (file !== undefined && !isFolder(file)) this.#resize(file, length ?? 0);
      },
      renameSync: (from, to) => {
        const entry = this.#find(String(from));
        original.renameSync(from, to);
        this.#moved(String(from), String(to), entry);
      },
      unlinkSync: (path) => {
        original.unlinkSync(path);
        if (this.#find(String(path)) !== undefined) this.#name(String(path), undefined);
      },
      rmdirSync: (path) => {
        original.rmdirSync(path);
        if (this.#find(String(path)) !== undefined) this.#name(String(path), undefined);
      },
    };
    // As Emscripten calls it, always with a position.
    watched.writeSync = ((fd: number, data: Uint8Array, offset: number, length: number, position: number) => {
      const written = original.writeSync(fd, data, offset, length, position);
      const file = this.#open.get(fd);
      if (file !== undefined && !isFolder(file)) this.#bytes(file, data.subarray(offset, offset + written), position);
      return written;
    }) as typeof fs.writeSync;
    watched.mkdirSync = ((path: string, options?: fs.MakeDirectoryOptions) => {
      const made = original.mkdirSync(path, options);
      this.#madeFolder(path);
      return made;
    }) as typeof fs.mkdirSync;
    watched.rmSync = (path, options) => {
      original.rmSync(path, options);
      if (this.#find(String(path)) !== undefined) this.#name(String(path), undefined);
    };
    const names = Object.keys(watched) as (keyof typeof fs)[];
    this.#replaced = Object.fromEntries(names.map((name) => [name, original[name]]));
    Object.assign(fs, watched);
    this.#watchPromises();
    syncBuiltinESMExports();
  }

  /** What the files of bodies are written with. */
  #watchPromises(): void {
    const original = this.#originalPromises;
    Object.assign(fs.promises, {
      mkdir: async (path: string, options?: fs.MakeDirectoryOptions) => {
        const made = await original.mkdir(path, options);
        this.#madeFolder(path);
        return made;
      },
      rename: async (from: string, to: string) => {
        const entry = this.#find(from);
        await original.rename(from, to);
        this.#moved(from, to, entry);
      },
      rm: async (path: string, options?: fs.RmOptions) => {
        await original.rm(path, options);
        if (this.#find(path) !== undefined) this.#name(path, undefined);
      },
      open: async (path: string, flags: string, mode?: number) => {
        const handle = await original.open(path, flags, mode);
        if (/w/.test(flags)) this.#touchFile(path, true);
        const file = this.#find(path);
        if (file === undefined || isFolder(file)) return handle;
        const write = handle.writeFile.bind(handle);
        const sync = handle.sync.bind(handle);
        handle.writeFile = async (data: Uint8Array) => {
          await write(data);
          this.#bytes(file, data, file.bytes.length);
        };
        handle.sync = async () => {
          await sync();
          this.#flush(file);
        };
        return handle;
      },
    });
  }

  #madeFolder(path: string): void {
    const full = resolve(path);
    if (!full.startsWith(this.#root + sep) || this.#find(full) !== undefined) return;
    this.#madeFolder(dirname(full));
    this.#name(full, { entries: new Map(), flushed: new Map(), pending: [] });
  }

  #moved(from: string, to: string, entry: Entry | undefined): void {
    if (entry === undefined) return;
    this.#name(to, entry);
    this.#name(from, undefined);
  }
}

const onDisk = (bytes: Buffer): FileContents => ({ bytes, flushed: Buffer.from(bytes), dirty: new Set() });

/** A file after the power was cut: block by block the old contents or the new. */
function remains({ bytes, flushed, dirty }: FileContents, survival: number, random: Random): Buffer {
  if (dirty.size === 0) return flushed;
  const written = [...dirty].filter((block) => block >= 0 && block * BLOCK < bytes.length); // not cut off again
  const kept = written.filter(() => random() < survival);
  const size = dirty.has(-1) && random() < survival ? bytes.length : flushed.length;
  const needed = Math.max(size, ...kept.map((block) => Math.min((block + 1) * BLOCK, bytes.length)));
  const result = Buffer.alloc(needed);
  flushed.copy(result, 0, 0, needed);
  for (const block of kept) bytes.copy(result, block * BLOCK, block * BLOCK, Math.min((block + 1) * BLOCK, needed));
  return result;
}
