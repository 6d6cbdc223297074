// Whether everything a worker needs is there: configuration, store, and for each mailbox a token and a login.
import { explain, formatExplanation } from '@mailgrant/core/diagnosis';
import { checkSchedules } from '../../schedule/definition.ts';
import { type Command, jsonText } from '../command.ts';
import { sentenceOf } from '../sentence.ts';
import { table } from '../table.ts';

interface Checked {
  readonly what: string;
  readonly ok: boolean;
  readonly detail: string;
  /** What to do about it. */
  readonly help?: string | undefined;
}

export const checkCommand: Command = {
  name: 'check',
  summary: 'look whether configuration, store and mailboxes are as they should be',
  usage: `check

Logs in to each mailbox; sends nothing.`,
  async run(context) {
    const { config, file } = await context.load();
    const names = Object.keys(config.mailboxes);
    const results: Checked[] = [{ what: 'configuration', ok: true, detail: file }];
    results.push(
      await attempt('schedules', async () => {
        const { size } = checkSchedules(config.schedules ?? [], names);
        return size === 0 ? 'none' : `${size} in order`;
      }),
    );
    results.push(
      await attempt('store', async () => {
        const { by, outbox } = await context.access();
        await outbox.stats();
        return { postgres: 'PostgreSQL answers', socket: 'the running worker answers', directory: 'opened' }[by];
      }),
    );
    for (const name of names) {
      const mailbox = config.mailboxes[name];
      if (mailbox === undefined) continue;
      results.push(
        await attempt(`mailbox ${name}`, async () => {
          const mailer = mailbox.mailer();
          try {
            await mailer.verify();
            return 'logged in';
          } finally {
            await mailer.close();
          }
        }),
      );
    }
    context.print(context.json ? jsonText(results) : textOf(results));
    return results.every(({ ok }) => ok) ? 0 : 1;
  },
};

async function attempt(what: string, check: () => Promise<string>): Promise<Checked> {
  try {
    return { what, ok: true, detail: await check() };
  } catch (error) {
    const detail = what === 'store' ? sentenceOf(error) : error instanceof Error ? error.message : String(error);
    return {
      what,
      ok: false,
      detail,
      help: what.startsWith('mailbox') ? formatExplanation(explain(error)) : undefined,
    };
  }
}

function textOf(results: readonly Checked[]): string {
  const rows = table(results, [
    { title: 'check', value: ({ what }) => what },
    { title: 'result', value: ({ ok }) => (ok ? 'ok' : 'failed') },
    { title: 'detail', value: ({ detail }) => detail, most: 160 },
  ]);
  const help = results.flatMap(({ what, help: text }) => (text === undefined ? [] : [`\n${what}\n${text}\n`]));
  return rows + help.join('');
}
