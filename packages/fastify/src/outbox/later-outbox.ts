// An outbox that may still be being opened: its calls wait until it is.
import type { HostedOutbox, Outbox } from '@mailgrant/worker';

export function laterOutbox(opening: Promise<HostedOutbox>): Outbox {
  const opened = async (): Promise<Outbox> => (await opening).outbox;
  return {
    scheduleMail: async (mail, options) => (await opened()).scheduleMail(mail, options),
    scheduleMails: async (mails, options) => (await opened()).scheduleMails(mails, options),
    cancel: async (ref) => (await opened()).cancel(ref),
    reschedule: async (ref, change) => (await opened()).reschedule(ref, change),
    sendNow: async (ref) => (await opened()).sendNow(ref),
    retry: async (ref) => (await opened()).retry(ref),
    replayDead: async (filter) => (await opened()).replayDead(filter),
    resolveInDoubt: async (ref, resolution) => (await opened()).resolveInDoubt(ref, resolution),
    pause: async (what) => (await opened()).pause(what),
    resume: async (what) => (await opened()).resume(what),
    list: async (options) => (await opened()).list(options),
    get: async (ref) => (await opened()).get(ref),
    stats: async () => (await opened()).stats(),
    suppress: async (who) => (await opened()).suppress(who),
    unsuppress: async (who) => (await opened()).unsuppress(who),
  };
}

/** Waits for a promise, not for ever: `false` where it is not settled by then. Throws what it is rejected with. */
export async function settlesWithin(milliseconds: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), milliseconds);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
