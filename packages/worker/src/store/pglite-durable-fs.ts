// PGlite on a directory, with fsync. As it comes, PGlite switches fsync off, and what would be called is not wired to
// anything (docs/decisions/0015-worker-stores.md). This touches its insides, so the version is pinned and the store tests
// at start that it works.
import fs from 'node:fs';
import { join, resolve } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { NodeFS } from '@electric-sql/pglite/nodefs';

/** The parts of Emscripten's file system we need. */
interface FsNode {
  readonly name: string;
  readonly parent: FsNode;
  readonly mount: { readonly opts: { readonly root: string } };
  readonly mode: number;
}
interface FsStream {
  readonly node: FsNode;
  readonly nfd?: number;
}
interface NodeFsBackend {
  realPath(node: FsNode): string;
  readonly stream_ops: { fsync?: (stream: FsStream) => number };
  readonly node_ops: {
    mknod: (parent: FsNode, name: string, mode: number, dev: number) => FsNode;
    rename: (node: FsNode, parent: FsNode, name: string) => void;
  };
}
interface Module {
  readonly NODEFS: NodeFsBackend;
}

type InitOptions = Parameters<NodeFS['init']>[1];

/**
 * With it, PostgreSQL's fsync reaches the disk. `fdatasync` is compiled away in PGlite, so PostgreSQL has to be told to
 * use `fsync`: see {@link DURABLE_PARAMETERS}.
 */
export class DurableNodeFS extends NodeFS {
  /** How often something was flushed. The self-test looks at it. */
  flushes = 0;
  /** The first flush that failed. What was written since may be lost, and the kernel does not say it twice. */
  failure: unknown;
  /** Directories with new names in them, flushed before the next file is. */
  readonly #changed = new Set<string>();

  override async init(pg: PGlite, options: InitOptions): ReturnType<NodeFS['init']> {
    const { emscriptenOpts } = await super.init(pg, options);
    const preRun = [emscriptenOpts.preRun ?? []].flat();
    const wire = (module: unknown): void => this.#wire((module as Module).NODEFS);
    return { emscriptenOpts: { ...emscriptenOpts, preRun: [...preRun, wire] } };
  }

  #wire(backend: NodeFsBackend): void {
    const { stream_ops: streams, node_ops: nodes } = backend;
    const { mknod, rename } = nodes;
    streams.fsync = (stream) => this.#flush(stream.nfd, () => backend.realPath(stream.node));
    nodes.mknod = (parent, ...rest) => {
      this.#changed.add(backend.realPath(parent));
      return mknod(parent, ...rest);
    };
    nodes.rename = (node, parent, name) => {
      this.#changed.add(backend.realPath(node.parent)).add(backend.realPath(parent));
      rename(node, parent, name);
    };
  }

  /** @returns 0, or the number that WASI has for EIO: PostgreSQL then stops at once, as it must */
  #flush(fd: number | undefined, path: () => string): number {
    try {
      for (const directory of this.#changed) flushDirectory(directory);
      this.#changed.clear();
      if (fd === undefined) flushDirectory(path());
      else fs.fsyncSync(fd);
      this.flushes += 1;
      return 0;
    } catch (error) {
      this.failure ??= error;
      return 29;
    }
  }
}

/** What PostgreSQL is started with instead of PGlite's own parameters. */
export const DURABLE_PARAMETERS: readonly string[] = [
  ...PGlite.defaultStartParams.filter((parameter) => parameter !== '-F'), // -F: fsync off
  '-c',
  'wal_sync_method=fsync',
];

/** Makes the names in a directory durable. Windows has no such thing, and does not let a directory be opened. */
export function flushDirectory(path: string): void {
  if (process.platform === 'win32') return;
  let fd: number;
  try {
    fd = fs.openSync(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return; // removed again since
    throw error;
  }
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** Flushes everything below a directory, and its own name. */
export function flushTree(path: string): void {
  for (const entry of fs.readdirSync(path, { withFileTypes: true })) {
    const child = join(path, entry.name);
    if (entry.isDirectory()) flushTree(child);
    else if (entry.isFile()) flushFile(child);
  }
  flushDirectory(path);
  flushDirectory(resolve(path, '..'));
}

function flushFile(path: string): void {
  const fd = fs.openSync(path, 'r+'); // Windows flushes only what could be written to
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}
