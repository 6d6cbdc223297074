// What a scenario found, for people and for machines.

export type Row = Readonly<Record<string, string | number>>;

interface Column {
  readonly key: string;
  readonly title: string;
  /** After the decimal point. Default 0. */
  readonly digits?: number;
}

export interface Table {
  readonly title: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
}

/** What we hold ourselves to, and whether this run showed it. A miss is no failure of the bench: machines are busy. */
export interface Goal {
  readonly name: string;
  readonly goal: string;
  readonly value: number;
  readonly met: boolean;
}

export interface Findings {
  readonly tables: readonly Table[];
  readonly goals: readonly Goal[];
  readonly notes?: readonly string[];
}

export const atLeast = (name: string, limit: number, value: number): Goal => ({
  name,
  goal: `≥ ${limit}`,
  value,
  met: value >= limit,
});

export const atMost = (name: string, limit: number, value: number): Goal => ({
  name,
  goal: `≤ ${limit}`,
  value,
  met: value <= limit,
});

/** Findings as text for a terminal. */
export function printed({ tables, goals, notes = [] }: Findings): string {
  const parts = tables.map((table) => `${table.title}\n${aligned(table)}`);
  if (goals.length > 0) {
    const rows = goals.map(({ name, goal, value, met }) => [name, goal, significant(value), met ? 'met' : 'not met']);
    parts.push(`Goals\n${lines([['', 'goal', 'result', ''], ...rows])}`);
  }
  if (notes.length > 0) parts.push(notes.map((note) => `Note: ${note}`).join('\n'));
  return parts.join('\n\n');
}

function aligned({ columns, rows }: Table): string {
  const cells = rows.map((row) => columns.map(({ key, digits = 0 }) => cell(row[key], digits)));
  return lines([columns.map(({ title }) => title), ...cells]);
}

function lines(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>((all, row) => row.map((text, i) => Math.max(all[i] ?? 0, text.length)), []);
  // The first column is a name, the others are figures.
  const line = (row: readonly string[]): string =>
    row.map((text, i) => (i === 0 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0))).join('   ');
  return rows.map((row) => `  ${line(row).trimEnd()}`).join('\n');
}

function cell(value: string | number | undefined, digits: number): string {
  if (value === undefined) return '–';
  if (typeof value === 'string') return value;
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Three digits that count, more before the decimal point. */
function significant(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)));
}
