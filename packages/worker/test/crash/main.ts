// npm run crash: workers are killed while they send, and what arrived is counted.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { crash } from './crash.ts';
import { grow } from './growth.ts';
import { crashText, failures, growthFailures, growthText, scheduleFailures, scheduleText } from './report.ts';
import { crashSchedules } from './schedule-crash.ts';

const HELP = `npm run crash -- [options]

  --store embedded|postgres   where the mail is; default: one after the other
  --mails 1000                how many mails
  --kills 25                  how often a worker is killed
  --database-kills 2          how often PostgreSQL is killed
  --workers 2                 on PostgreSQL; the embedded store has one
  --in-doubt resend|hold      what happens to mails that may have been sent; default: resend
  --answer-after 25           milliseconds the server takes to answer a message
  --schedules                 instead: two schedules on PostgreSQL, 50 kills in 60 seconds
  --growth                    instead: 50 000 mails through the embedded store, which must not grow
  --seed 1                    of what comes by chance
  --json <file>               the figures, as JSON
`;

const { values } = parseArgs({
  options: {
    store: { type: 'string' },
    mails: { type: 'string' },
    kills: { type: 'string' },
    'database-kills': { type: 'string', default: '2' },
    workers: { type: 'string', default: '2' },
    'in-doubt': { type: 'string', default: 'resend' },
    'answer-after': { type: 'string', default: '25' },
    schedules: { type: 'boolean', default: false },
    growth: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) process.stdout.write(HELP);
else await run();

async function run(): Promise<void> {
  const reports: object[] = [];
  const failed: string[] = [];
  const seed = Number(values.seed);
  const tell = (report: object, text: string, wrong: readonly string[]): void => {
    reports.push(report);
    failed.push(...wrong);
    process.stdout.write(`${text}\n`);
  };
  if (values.growth) {
    const report = await grow({ mails: Number(values.mails ?? 50_000), kept: 5000 });
    tell(report, growthText(report), growthFailures(report));
  } else if (values.schedules) {
    const kills = Number(values.kills ?? 50);
    const report = await crashSchedules({ workers: Number(values.workers), kills, time: 60_000, seed });
    tell(report, scheduleText(report), scheduleFailures(report));
  } else {
    for (const store of storesOf(values.store)) {
      const report = await crash({
        store,
        mails: Number(values.mails ?? 1000),
        kills: Number(values.kills ?? 25),
        databaseKills: store === 'postgres' ? Number(values['database-kills']) : 0,
        workers: store === 'postgres' ? Number(values.workers) : 1,
        onInDoubt: values['in-doubt'] === 'hold' ? 'hold' : 'resend',
        seed,
        answerAfter: Number(values['answer-after']),
      });
      tell(report, crashText(report), failures(report));
    }
  }
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(reports, undefined, 2)}\n`);
  process.stdout.write(failed.length === 0 ? 'As it should be.\n' : `Not as it should be: ${failed.join(', ')}\n`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}

function storesOf(store: string | undefined): ('embedded' | 'postgres')[] {
  if (store === undefined) return ['embedded', 'postgres'];
  if (store === 'embedded' || store === 'postgres') return [store];
  throw new TypeError(`--store: embedded or postgres, not ${store}`);
}
