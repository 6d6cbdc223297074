// Replies the server owes, in the order in which it has to give them (RFC 2920 section 3.2).
import type { Stage } from '../errors.ts';

/** A reply owed by the server. */
export interface OwedReply<T> {
  /** Who waits for it. */
  readonly task: T;
  /** What it answers. */
  readonly stage: Stage;
  /** Its command has been handed to the socket. */
  sent: boolean;
  /** Answers the whole message: without it nobody knows what became of it. */
  readonly final: boolean;
  /** What it answers is still being written. */
  early: boolean;
}

export class Owed<T> {
  #replies: OwedReply<T>[] = [];
  /** How many of the last are not sent yet. */
  #unsent = 0;

  get length(): number {
    return this.#replies.length;
  }

  /** What the server has to say next. */
  get first(): OwedReply<T> | undefined {
    return this.#replies[0];
  }

  /** Nothing that was said to the server is without an answer. */
  get answered(): boolean {
    return this.#replies.length === this.#unsent;
  }

  /** An answer to a message, or to a part of one, is among them. */
  get hasMessage(): boolean {
    return this.#replies.some(({ stage }) => stage === 'message');
  }

  add(task: T, stage: Stage, final: boolean, early: boolean): OwedReply<T> {
    const reply: OwedReply<T> = { task, stage, sent: false, final, early };
    this.#replies.push(reply);
    this.#unsent += 1;
    return reply;
  }

  /** All that was added is with the socket. `true`: nothing had been waited for before. */
  markSent(): boolean {
    if (this.#unsent === 0) return false;
    const first = this.#replies.length - this.#unsent;
    for (let at = first; at < this.#replies.length; at += 1) {
      const reply = this.#replies[at];
      if (reply !== undefined) reply.sent = true;
    }
    this.#unsent = 0;
    return first === 0;
  }

  /** The first was given. */
  shift(): void {
    this.#replies.shift();
  }

  /** What this one waits for will not come. All of it was sent. */
  drop(task: T): void {
    this.#replies = this.#replies.filter((reply) => reply.task !== task);
  }

  /** The first of what this one waits for, and how many come before that; -1: it waits for nothing. */
  of(task: T): { readonly at: number; readonly first: OwedReply<T> | undefined } {
    const at = this.#replies.findIndex((reply) => reply.task === task);
    return { at, first: this.#replies[at] };
  }

  /** Everybody who waits, in order. */
  tasks(): Set<T> {
    return new Set(this.#replies.map(({ task }) => task));
  }

  /** Whether the end of this one's message is on the way and not answered. */
  isMessageSent(task: T): boolean {
    return this.#replies.some((reply) => reply.task === task && reply.final && reply.sent && !reply.early);
  }
}
