// What a run of all properties found, for people.

import type { Failure } from '../../../packages/core/test/properties/property.ts';

export interface Finding {
  readonly name: string;
  readonly runs: number;
  /** Milliseconds. */
  readonly time: number;
  readonly failures: readonly Failure[];
}

/** A line for each property; every failure in full below, with the command that makes it again. */
export function printed(findings: readonly Finding[]): string {
  const rows = [
    ['property', 'runs', 'time', 'failures'],
    ...findings.map(({ name, runs, time, failures }) => [
      name,
      runs.toLocaleString('en-US'),
      `${(time / 1000).toFixed(1)} s`,
      failures.length === 0 ? '–' : String(failures.length),
    ]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const table = rows.map(
    (row) =>
      `  ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('   ')}`,
  );
  const failures = findings.flatMap(({ name, failures: all }) => all.map((each) => explained(name, each)));
  return [table.join('\n'), ...failures].join('\n\n');
}

function explained(name: string, { seed, path, message, report }: Failure): string {
  const again = `npm run fuzz -- --only ${name} --seed=${seed} --path ${path}`;
  return `${name} failed; again: ${again}\n${`${message}\n${report}`.replace(/^/gm, '  ')}`;
}
