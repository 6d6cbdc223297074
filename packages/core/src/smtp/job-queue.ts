import type { Job } from './job.ts';

/** First in, first out; constant time at both ends, for a queue that may hold a hundred thousand. */
export class JobQueue {
  #jobs: (Job | undefined)[] = [];
  #head = 0;
  /** Jobs that were put aside to go first. */
  #first: Job[] = [];
  #waiting = 0;

  /** How many still wait. */
  get length(): number {
    return this.#waiting;
  }

  push(job: Job): void {
    this.#admit(job);
    this.#jobs.push(job);
  }

  /** Back to the front of the queue. */
  unshift(job: Job): void {
    this.#admit(job);
    this.#first.push(job);
  }

  shift(): Job | undefined {
    for (;;) {
      const job = this.#first.pop() ?? this.#next();
      if (job === undefined) return undefined;
      if (job.settled) continue; // cancelled while it waited
      this.#waiting -= 1;
      job.onLeftQueue = undefined;
      return job;
    }
  }

  #next(): Job | undefined {
    if (this.#head === this.#jobs.length) {
      this.#jobs = [];
      this.#head = 0;
      return undefined;
    }
    const job = this.#jobs[this.#head];
    this.#jobs[this.#head++] = undefined;
    if (this.#head > 1024 && this.#head * 2 > this.#jobs.length) {
      this.#jobs = this.#jobs.slice(this.#head);
      this.#head = 0;
    }
    return job;
  }

  #admit(job: Job): void {
    this.#waiting += 1;
    job.onLeftQueue = this.#onLeft;
  }

  /** The queue may stand still for hours: what was given up meanwhile must not pile up in it. */
  readonly #onLeft = (): void => {
    this.#waiting -= 1;
    const stored = this.#jobs.length - this.#head;
    if (stored < 1024 || this.#waiting * 2 > stored) return;
    this.#jobs = this.#jobs.slice(this.#head).filter((job) => job !== undefined && !job.settled);
    this.#head = 0;
  };
}
