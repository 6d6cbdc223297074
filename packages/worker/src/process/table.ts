// Text for a terminal: columns that line up, times and durations people can read, nothing that moves the cursor.

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string | number | undefined;
  readonly align?: 'left' | 'right';
  /** The widest it gets; the rest is cut with an ellipsis. */
  readonly most?: number;
}

/** Lines with a heading, two blanks between columns; the last column is not filled up. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const body = rows.map((row) => columns.map(({ value, most = 60 }) => cut(plain(String(value(row) ?? '')), most)));
  const lines = [columns.map(({ title }) => title.toUpperCase()), ...body];
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => width(line[at] ?? ''))));
  return lines
    .map((line) =>
      line
        .map((cell, at) => {
          const blanks = ' '.repeat((widths[at] ?? 0) - width(cell));
          return columns[at]?.align === 'right' ? blanks + cell : cell + blanks;
        })
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}

/** `label   value`, one below the other. */
export function fields(entries: readonly (readonly [label: string, value: string | number | undefined])[]): string {
  const shown = entries.filter(([, value]) => value !== undefined && value !== '');
  const most = Math.max(0, ...shown.map(([label]) => label.length));
  return shown.map(([label, value]) => `${label.padEnd(most)}  ${plain(String(value))}\n`).join('');
}

/** `2026-11-20 22:31:05Z`. */
export function timeText(moment: number | undefined): string {
  return moment === undefined ? '' : `${new Date(moment).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const;

/** `2 d 3 h`, `4 min 10 s`, `0 s`: the two largest units. */
export function durationText(milliseconds: number): string {
  let rest = Math.max(0, milliseconds);
  const parts: string[] = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 || (unit === 's' && parts.length === 0)) parts.push(`${count} ${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(' ');
}

/** `in 4 min`, `2 h ago`. */
export function relativeText(moment: number, now: number): string {
  return moment >= now ? `in ${durationText(moment - now)}` : `${durationText(now - moment)} ago`;
}

/** Subjects and servers' replies come from others: no control characters, nothing that turns the direction of text. */
function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]+/gu, ' ').trim();
}

const cut = (text: string, most: number): string => {
  const characters = Array.from(text);
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`;
};

const width = (text: string): number => Array.from(text).length;
