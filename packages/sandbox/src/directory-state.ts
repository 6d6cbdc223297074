// The directory as it is now, and as Exchange knows it: changes take a while to get there.
import type { Directory } from './directory.ts';

/** The directory of a running sandbox. Rights can be changed while mail flows. */
export interface DirectoryHandle {
  readonly current: Directory;
  /** Replaces the directory by what `edit` makes of it. */
  update(edit: (directory: Directory) => Directory): void;
}

export class DirectoryState implements DirectoryHandle {
  readonly #now: () => number;
  readonly #lag: number;
  #current: Directory;
  readonly #history: { readonly directory: Directory; readonly at: number }[];

  /** `lag`: milliseconds until Exchange notices a change. */
  constructor(directory: Directory, now: () => number, lag: number) {
    this.#current = directory;
    this.#now = now;
    this.#lag = lag;
    this.#history = [{ directory, at: -Infinity }];
  }

  get current(): Directory {
    return this.#current;
  }

  /** As Exchange knows it. */
  get known(): Directory {
    if (this.#lag === 0) return this.#current;
    return this.#history.findLast(({ at }) => at <= this.#now() - this.#lag)?.directory ?? this.#current;
  }

  readonly update = (edit: (directory: Directory) => Directory): void => {
    this.#current = edit(this.#current);
    if (this.#lag > 0) this.#history.push({ directory: this.#current, at: this.#now() });
  };
}
