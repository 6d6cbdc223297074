// Commands about schedules and mailboxes: what comes next, and stopping for a while.
import { existsSync } from 'node:fs';
import { checkSchedules, type Schedule, storedTiming } from '../../schedule/definition.ts';
import type { ScheduleSummary } from '../../schedule/schedule-list.ts';
import { localTime } from '../../schedule/time-zone.ts';
import { nextOccurrences } from '../../schedule/timing.ts';
import { type Command, type CommandContext, jsonText, textOption, wholeOption } from '../command.ts';
import { UsageError } from '../process-error.ts';
import { sentenceOf } from '../sentence.ts';
import { relativeText, table } from '../table.ts';

interface Shown {
  readonly id: string;
  readonly when: string;
  readonly timeZone: string;
  readonly mailbox: string | undefined;
  readonly state: 'active' | 'paused' | 'not started' | 'not in this configuration' | 'not known';
  readonly next: readonly number[];
  readonly last: ScheduleSummary['last'];
}

const schedules: Command = {
  name: 'schedules',
  summary: 'schedules and what comes next',
  usage: `schedules [options]

  --next <n>           the next n occurrences of each (default 1)
  --remove <id>        forget a schedule that no configuration has any more`,
  options: { next: { type: 'string' }, remove: { type: 'string' } },
  async run(context) {
    const remove = textOption(context.values, 'remove');
    if (remove !== undefined) return removeSchedule(context, remove);
    const count = wholeOption(context.values, 'next', 1, 1000) ?? 1;
    const { config } = await context.load();
    const configured = checkSchedules(config.schedules ?? [], Object.keys(config.mailboxes));
    const shown = merge(configured, await storedSchedules(context, count), context.now(), count);
    if (context.json) context.print(jsonText(shown));
    else if (shown.length === 0) context.print('No schedules.\n');
    else context.print(scheduleText(shown, context.now(), count));
    return 0;
  },
};

/** `undefined` where the store cannot be asked: what comes next is told all the same. */
async function storedSchedules(
  context: CommandContext,
  count: number,
): Promise<readonly ScheduleSummary[] | undefined> {
  const { store } = await context.load();
  if (store.kind === 'embedded' && !existsSync(store.dir)) return []; // nor made for a look ahead
  try {
    return await (await context.access()).schedules.list(count);
  } catch (error) {
    context.note(`The store cannot be asked: ${sentenceOf(error)}\n`);
    return undefined;
  }
}

/** The configuration says what should run, the store what does. */
function merge(
  configured: ReadonlyMap<string, Schedule>,
  stored: readonly ScheduleSummary[] | undefined,
  now: number,
  count: number,
): Shown[] {
  const shown = (stored ?? []).map(({ id, cron, timeZone, mailbox, paused, next, last }): Shown => ({
    id,
    when: cron ?? 'once',
    timeZone,
    mailbox,
    state: paused ? 'paused' : configured.has(id) ? 'active' : 'not in this configuration',
    next,
    last,
  }));
  for (const { id, mailbox, stored: definition } of configured.values()) {
    if (shown.some((each) => each.id === id)) continue;
    const next = nextOccurrences(storedTiming(definition), now, count);
    const { cron = 'once', timeZone } = definition;
    shown.push({
      id,
      when: cron,
      timeZone,
      mailbox,
      state: stored === undefined ? 'not known' : 'not started',
      next,
      last: undefined,
    });
  }
  return shown;
}

function scheduleText(shown: readonly Shown[], now: number, count: number): string {
  const rows = table(shown, [
    { title: 'id', value: ({ id }) => id },
    { title: 'when', value: ({ when }) => when },
    { title: 'time zone', value: ({ timeZone }) => timeZone },
    { title: 'mailbox', value: ({ mailbox }) => mailbox },
    { title: 'state', value: ({ state }) => state },
    {
      title: 'next',
      value: ({ next, timeZone }) =>
        next[0] === undefined ? '' : `${localTime(next[0], timeZone)} (${relativeText(next[0], now)})`,
    },
    {
      title: 'last run',
      value: ({ last }) =>
        last && `${last.state}, ${last.mails} mails${last.error === undefined ? '' : `: ${last.error}`}`,
    },
  ]);
  if (count === 1) return rows;
  const lists = shown.map(({ id, next, timeZone }) => {
    const lines = next.map((moment) => `  ${localTime(moment, timeZone)}\n`).join('');
    return `\n${id}\n${lines === '' ? '  nothing\n' : lines}`;
  });
  return rows + lists.join('');
}

async function removeSchedule(context: CommandContext, id: string): Promise<number> {
  const { config } = await context.load();
  if ((config.schedules ?? []).some((schedule) => schedule.id === id)) {
    throw new UsageError(`The configuration has the schedule "${id}": take it out there first.`);
  }
  const { schedules: access } = await context.access();
  const removed = await access.remove(id);
  if (context.json) context.print(jsonText({ removed }));
  else context.print(removed ? `${id} is forgotten; its mails stay.\n` : `There is no schedule "${id}".\n`);
  return removed ? 0 : 1;
}

function pauseOrResume(name: 'pause' | 'resume'): Command {
  return {
    name,
    summary:
      name === 'pause'
        ? 'stop sending from a mailbox, or a schedule'
        : 'undo pause; a blocked mailbox is tried again now',
    usage: `${name} --mailbox <name> | --schedule <id>`,
    options: { mailbox: { type: 'string' }, schedule: { type: 'string' } },
    async run(context) {
      const mailbox = textOption(context.values, 'mailbox');
      const schedule = textOption(context.values, 'schedule');
      if ((mailbox === undefined) === (schedule === undefined)) throw new UsageError('Give --mailbox or --schedule.');
      const what = mailbox === undefined ? { schedule: schedule ?? '' } : { mailbox };
      const { outbox } = await context.access();
      const done = name === 'pause' ? await outbox.pause(what) : await outbox.resume(what);
      const label = mailbox === undefined ? `schedule ${schedule}` : `mailbox ${mailbox}`;
      if (context.json) context.print(jsonText({ ...what, [name === 'pause' ? 'paused' : 'resumed']: done }));
      else context.print(done ? `The ${label} is ${name}d.\n` : `There is no ${label}.\n`);
      return done ? 0 : 1;
    },
  };
}

export const scheduleCommands: readonly Command[] = [schedules, pauseOrResume('pause'), pauseOrResume('resume')];
