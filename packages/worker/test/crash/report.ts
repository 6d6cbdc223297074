// The figures, for people.
import type { Counts } from './count.ts';
import type { CrashReport } from './crash.ts';
import type { GrowthReport } from './growth.ts';
import type { ScheduleReport } from './schedule-crash.ts';

type Row = readonly [string, string | number];

export function crashText(report: CrashReport): string {
  const { options } = report;
  const where = options.store === 'embedded' ? 'the embedded store' : `PostgreSQL, ${options.workers} workers`;
  const rows: Row[] = [
    ['workers killed', report.kills],
    ...(options.store === 'postgres' ? [['PostgreSQL killed', report.databaseKills] as Row] : []),
    ['workers that ended by themselves', report.exits],
    ['mails acknowledged', report.acknowledged],
    ['lost', report.lost],
    ['extra copies', report.extraCopies],
    ['flagged as possibly sent twice', report.flagged],
    ['flagged and sent once', report.falseFlags],
    ['sent twice without a flag', report.unflaggedDuplicates],
    ['copies that differ', report.differentCopies],
    ['held in doubt', report.held],
    ['held in doubt, of these out', report.heldArrived],
    ['not finished', report.unfinished],
    ['seconds', report.seconds],
  ];
  return text(`${options.mails} mails on ${where}, in doubt: ${options.onInDoubt}, seed ${options.seed}`, rows);
}

export function scheduleText(report: ScheduleReport): string {
  return text(`${report.schedules} schedules on PostgreSQL, ${report.workers} workers, seed ${report.seed}`, [
    ['workers killed', report.kills],
    ['seconds', report.seconds],
    ['occurrences', report.occurrences],
    ['ran', report.ran],
    ['missing', report.missing],
    ['ran twice', report.twice],
    ['mails lost', report.lost],
    ['extra copies', report.extraCopies],
    ['flagged as possibly sent twice', report.flagged],
    ['sent twice without a flag', report.unflaggedDuplicates],
  ]);
}

/** What must not happen; empty when all is well. */
export function failures(report: CrashReport): string[] {
  const never: (keyof Counts)[] = ['lost', 'unflaggedDuplicates', 'differentCopies', 'unfinished'];
  if (report.options.onInDoubt === 'hold') never.push('extraCopies');
  else never.push('held');
  const found = never.filter((name) => report[name] !== 0).map((name) => `${name}: ${report[name]}`);
  if (report.acknowledged !== report.options.mails) found.push(`acknowledged: ${report.acknowledged}`);
  return found;
}

export function scheduleFailures(report: ScheduleReport): string[] {
  const never: (keyof ScheduleReport)[] = ['missing', 'twice', 'lost', 'unflaggedDuplicates'];
  return never.filter((name) => report[name] !== 0).map((name) => `${name}: ${report[name]}`);
}

const MB = 1024 * 1024;

export function growthText({ options, sizes, seconds }: GrowthReport): string {
  const rows = sizes.map(({ mails, log, tables }): Row => [
    `${mails} mails`,
    `log ${Math.round(log / MB)} MB, tables ${Math.round(tables / MB)} MB`,
  ]);
  return text(`${options.mails} mails through the embedded store, ${options.kept} kept`, [
    ...rows,
    ['seconds', seconds],
  ]);
}

/** After the first half everything has the size that it keeps. */
export function growthFailures({ sizes }: GrowthReport): string[] {
  const settled = sizes[sizes.length / 2 - 1];
  const last = sizes.at(-1);
  if (settled === undefined || last === undefined) return ['nothing was measured'];
  return [
    ...sizes
      .filter(({ log }) => log > 200 * MB)
      .map(({ mails, log }) => `after ${mails} mails the log has ${log} bytes`),
    ...(last.tables > settled.tables * 1.3 ? [`the tables grew from ${settled.tables} to ${last.tables} bytes`] : []),
  ];
}

function text(title: string, rows: readonly Row[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return `${title}\n\n${rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}\n`).join('')}`;
}
