// Lines for people: at most 80 columns wide, coloured where the terminal has colours and nobody asked for none.
import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

export interface Terminal {
  readonly width: number;
  style(style: Style, text: string): string;
  /** One line as it is. */
  line(text?: string): void;
  /** Text broken at spaces. */
  paragraph(text: string, options?: { readonly indent?: number; readonly style?: Style }): void;
  /** `label     value`, the value broken at spaces and continued below itself. */
  field(label: string, value: string, style?: Style): void;
}

const WIDTH = 80;
const INDENT = 3;
const LABEL = 10;

/** What a stream has to tell of itself; pipes and files know neither columns nor colours. */
type Output = NodeJS.WritableStream & Partial<Pick<NodeJS.WriteStream, 'isTTY' | 'columns' | 'hasColors'>>;

export function createTerminal(output: Output): Terminal {
  // hasColors() knows NO_COLOR, FORCE_COLOR and dumb terminals.
  const colored = output.isTTY === true && output.hasColors?.() === true;
  const width = Math.min(output.columns ?? WIDTH, WIDTH);

  const style = (format: Style, text: string): string =>
    colored ? styleText(format, text, { validateStream: false }) : text;
  const line = (text = ''): void => void output.write(`${text}\n`);
  const paint = (format: Style | undefined, text: string): string =>
    format === undefined ? text : style(format, text);

  return {
    width,
    style,
    line,
    paragraph(text, { indent = 0, style: format } = {}) {
      for (const each of wrap(text, width - indent)) line(' '.repeat(indent) + paint(format, each));
    },
    field(label, value, format) {
      const start = INDENT + LABEL;
      let [first = '', ...more] = wrap(value, width - start);
      // What is one long word, such as an id to be copied, gets a line of its own rather than a break.
      if (first.length > width - start) [first, more] = ['', [first, ...more]];
      line(`${' '.repeat(INDENT)}${style('dim', label.padEnd(LABEL))}${paint(format, first)}`.trimEnd());
      for (const each of more) {
        const indent = each.length > width - start ? Math.max(0, Math.min(INDENT, width - each.length)) : start;
        line(' '.repeat(indent) + paint(format, each));
      }
    },
  };
}

/** Breaks text at spaces; a word longer than a line stays whole. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.trim().split(/\s+/)) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
