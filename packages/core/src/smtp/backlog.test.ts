import { expect, test } from 'vitest';
import { Backlog } from './backlog.ts';
import { toContent } from './content.ts';
import { checkEnvelope } from './envelope.ts';
import { Job, closedError } from './job.ts';

const envelope = checkEnvelope({ from: 'a@example.com', to: ['b@example.com'] });
const content = toContent('Subject: x\r\n\r\n');
function job(signal?: AbortSignal): Job {
  const made = new Job({ envelope, content, binary: false }, 'a@example.com', { signal });
  made.promise.catch(() => {});
  return made;
}

test('as many as like may wait for room: they are let in one by one, in no time', () => {
  const closed = closedError();
  const jobs = Array.from({ length: 100_000 }, () => job());
  let letIn = 0;
  const backlog = new Backlog(
    (each) => {
      letIn += 1;
      if (each !== jobs[0]) each.reject(closed);
    },
    { messages: 1, whenFull: 'wait' },
  );
  for (const each of jobs) backlog.admit(each);
  expect([letIn, backlog.length]).toEqual([1, 1]);
  const start = performance.now();
  jobs[0]?.reject(closed);
  expect(performance.now() - start).toBeLessThan(8_000);
  expect([letIn, backlog.length]).toEqual([100_000, 0]);
});

test('who gives up while he waits for room is passed over, and whoever comes last goes last', async () => {
  const abort = new AbortController();
  const inside: Job[] = [];
  const backlog = new Backlog((each) => inside.push(each), { messages: 1, whenFull: 'wait' });
  const [first, gone, second, third] = [job(), job(abort.signal), job(), job()];
  for (const each of [first, gone, second, third]) backlog.admit(each);
  abort.abort();
  let ready = false;
  const told = backlog.ready().then(() => (ready = true));
  first.reject(closedError());
  expect(inside).toEqual([first, second]);
  second.reject(closedError());
  expect(inside).toEqual([first, second, third]);
  await Promise.resolve();
  expect(ready).toBe(false);
  third.reject(closedError());
  await told;
  expect(backlog.length).toBe(0);
});
