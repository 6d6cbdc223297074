// What came of it: a table for people, the same as data for machines.

type Verdict = 'passed' | 'failed' | 'known' | 'not offered';

export interface Finding {
  readonly case: string;
  readonly verdict: Verdict;
  readonly remark: string | undefined;
  readonly milliseconds: number;
}

export interface ServerReport {
  readonly name: string;
  readonly version: string;
  /** Why it was not run. */
  readonly skipped: string | undefined;
  readonly findings: readonly Finding[];
}

const SIGNS: Record<Verdict, string> = { passed: 'ok', failed: 'FAILED', known: 'known', 'not offered': '–' };

/** A column for each server that ran, a line for each case; failures in full below. */
export function printed(reports: readonly ServerReport[]): string {
  const ran = reports.filter(({ skipped }) => skipped === undefined);
  const cases = [...new Set(ran.flatMap(({ findings }) => findings.map((finding) => finding.case)))];
  const rows = [
    ['', ...ran.map(({ version }) => version)],
    ...cases.map((name) => [name, ...ran.map((report) => cell(report.findings.find((each) => each.case === name)))]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const table = rows.map((row) => `  ${row.map((text, i) => text.padEnd(widths[i] ?? 0)).join('   ')}`.trimEnd());
  const remarks = (wanted: Verdict): string[] =>
    ran.flatMap(({ version, findings }) =>
      findings
        .filter(({ verdict }) => verdict === wanted)
        .map((finding) => `  ${version}, ${finding.case}: ${finding.remark}`),
    );
  const known = remarks('known');
  const failures = remarks('failed');
  const skipped = reports.flatMap(({ name, skipped: why }) => (why === undefined ? [] : [`  ${name}: ${why}`]));
  return [
    table.join('\n'),
    ...(skipped.length > 0 ? [`Skipped\n${skipped.join('\n')}`] : []),
    ...(known.length > 0 ? [`Known\n${known.join('\n')}`] : []),
    ...(failures.length > 0 ? [`Failed\n${failures.join('\n')}`] : []),
  ].join('\n\n');
}

function cell(finding: Finding | undefined): string {
  if (finding === undefined) return '';
  const { verdict, remark } = finding;
  return verdict === 'passed' && remark !== undefined ? `ok, ${remark}` : SIGNS[verdict];
}
