// Commands about mails: look at them, change what becomes of them.
import type { ChangeResult, InDoubtResolution, MailDetails, MailSummary, Outbox } from '../../outbox/outbox.ts';
import type { MailState } from '../../schema/tables.ts';
import {
  type Command,
  type CommandContext,
  idsOf,
  jsonText,
  textOption,
  type Values,
  wholeOption,
} from '../command.ts';
import { UsageError } from '../process-error.ts';
import { type Column, fields, relativeText, table, timeText } from '../table.ts';

const STATES: readonly MailState[] = [
  'scheduled',
  'sending',
  'deferred',
  'in_doubt',
  'accepted',
  'dead',
  'cancelled',
  'suppressed',
  'expired',
];

const FILTER_OPTIONS = {
  mailbox: { type: 'string' },
  schedule: { type: 'string' },
  tag: { type: 'string' },
  recipient: { type: 'string' },
  limit: { type: 'string' },
} as const;

const FILTER_USAGE = `  --mailbox <name>     of this mailbox
  --schedule <id>      of this schedule
  --tag <word>         with this tag
  --recipient <a@b>    to this address
  --limit <n>          at most so many (default 100)`;

function filterOf(values: Values) {
  return {
    mailbox: textOption(values, 'mailbox'),
    scheduleId: textOption(values, 'schedule'),
    tag: textOption(values, 'tag'),
    recipient: textOption(values, 'recipient'),
    limit: wholeOption(values, 'limit', 1, 1000),
  };
}

function statesOf(values: Values): readonly MailState[] | undefined {
  const text = textOption(values, 'state');
  if (text === undefined) return undefined;
  return text.split(',').map((word) => {
    const state = STATES.find((each) => each === word.trim().replace('-', '_'));
    if (state === undefined)
      throw new UsageError(`--state ${word}: there is no such state; there are ${STATES.join(', ')}.`);
    return state;
  });
}

const columns = (now: number): readonly Column<MailSummary>[] => [
  { title: 'id', value: ({ id }) => id },
  { title: 'state', value: ({ state, duplicatePossible }) => (duplicatePossible ? `${state}*` : state) },
  { title: 'due', value: ({ nextAt, sendAt }) => relativeText(nextAt ?? sendAt, now) },
  { title: 'mailbox', value: ({ mailbox }) => mailbox, most: 24 },
  { title: 'subject', value: ({ subject }) => subject, most: 40 },
  { title: 'last error', value: ({ lastError }) => lastError?.message, most: 60 },
];

async function printMails(
  context: CommandContext,
  states: readonly MailState[] | undefined,
  none: string,
): Promise<number> {
  const filter = filterOf(context.values);
  const { outbox } = await context.access();
  const { mails, next } = await outbox.list({ ...filter, state: states });
  if (context.json) context.print(jsonText(mails));
  else if (mails.length === 0) context.print(`${none}\n`);
  else {
    context.print(table(mails, columns(context.now())));
    if (mails.some(({ duplicatePossible }) => duplicatePossible))
      context.note('* a second copy may have been delivered\n');
    if (next !== undefined) context.note('There are more; --limit shows up to 1000.\n');
  }
  return 0;
}

const WORDS: Readonly<Record<ChangeResult, string>> = {
  done: 'done',
  'too-late': 'too late: its last bytes may be out',
  finished: 'nothing to change: it is finished',
  'not-found': 'there is no such mail',
};

async function changeEach(
  context: CommandContext,
  change: (outbox: Outbox, id: string) => Promise<ChangeResult>,
): Promise<number> {
  const ids = idsOf(context);
  const { outbox } = await context.access();
  const results: { id: string; result: ChangeResult }[] = [];
  for (const id of ids) results.push({ id, result: await change(outbox, id) });
  if (context.json) context.print(jsonText(results));
  else for (const { id, result } of results) context.print(`${id}  ${WORDS[result]}\n`);
  return results.every(({ result }) => result === 'done') ? 0 : 1;
}

const list: Command = {
  name: 'list',
  summary: 'mails, latest first',
  usage: `list [options]

  --state <s>[,<s>]    in one of these states: ${STATES.slice(0, 5).join(', ')},
                       ${STATES.slice(5).join(', ')}
${FILTER_USAGE}`,
  options: { ...FILTER_OPTIONS, state: { type: 'string' } },
  run: (context) => printMails(context, statesOf(context.values), 'No mails.'),
};

const show: Command = {
  name: 'show',
  summary: 'everything about one mail: recipients, attempts, replies',
  usage: 'show <id>',
  positionals: true,
  async run(context) {
    const [id] = idsOf(context);
    const { outbox } = await context.access();
    const mail = await outbox.get(id);
    if (mail === undefined) {
      context.note(`There is no mail ${id}.\n`);
      return 1;
    }
    context.print(context.json ? jsonText(mail) : detailsText(mail, context.now()));
    return 0;
  },
};

function detailsText(mail: MailDetails, now: number): string {
  const { lastError, nextAt } = mail;
  const head = fields([
    ['id', mail.id],
    ['state', mail.duplicatePossible ? `${mail.state} (a second copy may have been delivered)` : mail.state],
    ['mailbox', mail.mailbox],
    ['subject', mail.subject],
    ['message id', mail.messageId],
    ['key', mail.idempotencyKey],
    ['schedule', mail.scheduleId],
    ['due', timeText(mail.sendAt)],
    ['next attempt', nextAt === undefined ? undefined : `${timeText(nextAt)} (${relativeText(nextAt, now)})`],
    ['expires', timeText(mail.expiresAt)],
    ['finished', timeText(mail.finishedAt)],
    ['queue id', mail.queueId],
    ['last error', lastError && [lastError.code, lastError.class, lastError.message].filter(Boolean).join(' ')],
  ]);
  const recipients = table(mail.recipients, [
    { title: 'recipient', value: ({ address }) => address },
    { title: 'state', value: ({ state }) => state },
    { title: 'reply', value: ({ code, reply }) => [code, reply].filter(Boolean).join(' '), most: 100 },
  ]);
  const attempts = table(mail.log, [
    { title: 'attempt', value: ({ n }) => n, align: 'right' },
    { title: 'started', value: ({ startedAt }) => timeText(startedAt) },
    { title: 'outcome', value: ({ outcome, phase }) => outcome ?? `at it (${phase})` },
    {
      title: 'answer',
      value: ({ errorCode, replyCode, reply }) => [errorCode, replyCode, reply].filter(Boolean).join(' '),
      most: 100,
    },
  ]);
  return `${head}\n${recipients}${mail.log.length === 0 ? '' : `\n${attempts}`}`;
}

const cancel: Command = {
  name: 'cancel',
  summary: 'do not send a mail',
  usage: 'cancel <id>…',
  positionals: true,
  run: (context) => changeEach(context, (outbox, id) => outbox.cancel(id)),
};

const sendNow: Command = {
  name: 'send-now',
  summary: 'do not wait any longer with a mail; limits and pauses still hold',
  usage: 'send-now <id>…',
  positionals: true,
  run: (context) => changeEach(context, (outbox, id) => outbox.sendNow(id)),
};

const retry: Command = {
  name: 'retry',
  summary: 'send a mail after all that is dead, expired, cancelled or suppressed',
  usage: 'retry <id>…',
  positionals: true,
  run: (context) => changeEach(context, (outbox, id) => outbox.retry(id)),
};

const dead: Command = {
  name: 'dead',
  summary: 'mails that were given up; --replay sends them after all',
  usage: `dead [options]

  --replay             send them again, to those recipients who have not got them
${FILTER_USAGE}`,
  options: { ...FILTER_OPTIONS, replay: { type: 'boolean' } },
  async run(context) {
    if (context.values['replay'] !== true) return printMails(context, ['dead'], 'No dead mails.');
    const { outbox } = await context.access();
    const replayed = await outbox.replayDead(filterOf(context.values));
    context.print(
      context.json ? jsonText({ replayed }) : `${replayed} ${replayed === 1 ? 'mail' : 'mails'} will be sent again.\n`,
    );
    return 0;
  },
};

const RESOLUTIONS: readonly InDoubtResolution[] = ['sent', 'resend', 'drop'];

const inDoubt: Command = {
  name: 'in-doubt',
  summary: 'mails that may have been sent; --sent, --resend or --drop decides',
  usage: `in-doubt [options]
in-doubt <id>… --sent | --resend | --drop

  --sent               it was sent, leave it at that
  --resend             send it again; a second copy is possible
  --drop               whether or not it was sent, leave it
${FILTER_USAGE}`,
  positionals: true,
  options: {
    ...FILTER_OPTIONS,
    sent: { type: 'boolean' },
    resend: { type: 'boolean' },
    drop: { type: 'boolean' },
  },
  run(context) {
    const chosen = RESOLUTIONS.filter((each) => context.values[each] === true);
    if (chosen.length > 1) throw new UsageError('Give one of --sent, --resend and --drop.');
    const [resolution] = chosen;
    if (resolution !== undefined) return changeEach(context, (outbox, id) => outbox.resolveInDoubt(id, resolution));
    if (context.positionals.length > 0) throw new UsageError('Say what became of it: --sent, --resend or --drop.');
    return printMails(context, ['in_doubt'], 'No mails in doubt.');
  },
};

export const mailCommands: readonly Command[] = [list, show, cancel, sendNow, retry, dead, inDoubt];
