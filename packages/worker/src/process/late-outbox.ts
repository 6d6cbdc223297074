// An outbox that is there before what it stands for is.
import type { Outbox } from '../outbox/outbox.ts';

/** An outbox whose calls wait for `open()`, which is asked at each. For frameworks that inject before they start. */
export function lateOutbox(open: () => Promise<Outbox>): Outbox {
  return {
    scheduleMail: async (...args) => (await open()).scheduleMail(...args),
    scheduleMails: async (...args) => (await open()).scheduleMails(...args),
    cancel: async (...args) => (await open()).cancel(...args),
    reschedule: async (...args) => (await open()).reschedule(...args),
    sendNow: async (...args) => (await open()).sendNow(...args),
    retry: async (...args) => (await open()).retry(...args),
    replayDead: async (...args) => (await open()).replayDead(...args),
    resolveInDoubt: async (...args) => (await open()).resolveInDoubt(...args),
    pause: async (...args) => (await open()).pause(...args),
    resume: async (...args) => (await open()).resume(...args),
    list: async (...args) => (await open()).list(...args),
    get: async (...args) => (await open()).get(...args),
    stats: async (...args) => (await open()).stats(...args),
    suppress: async (...args) => (await open()).suppress(...args),
    unsuppress: async (...args) => (await open()).unsuppress(...args),
  };
}
