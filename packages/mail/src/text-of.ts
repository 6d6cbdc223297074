// HTML as plain text: for readers without HTML, and for filters that mistrust mail without a text.
import type { Mail } from '@mailgrant/nodemailer';

/** The mail with a text made of its HTML, if it has HTML in the form of text and no text of its own. */
export function withText(mail: Mail): Mail {
  if (mail.text !== undefined || mail.raw !== undefined) return mail;
  const { html } = mail;
  const content = typeof html === 'object' && html !== null && 'content' in html ? html.content : html;
  return typeof content === 'string' ? { ...mail, text: textOf(content) } : mail;
}

/** Elements that are not to be read. */
const SKIPPED = ['script', 'style', 'head', 'title', 'template', 'svg', 'noscript'];
/** Elements with an empty line before and after them. */
const PARAGRAPHS = ['p', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'ul', 'ol', 'dl', 'blockquote', 'pre', 'table', 'hr'];
/** Elements that begin and end a line. */
const LINES = ['div', 'section', 'article', 'header', 'footer', 'main', 'nav', 'address', 'tr', 'li', 'dt', 'dd', 'br'];

/**
 * The text of a piece of HTML: paragraphs, lists, table cells, and links with where they lead. Meant for the HTML of mails, in
 * time that grows with its length; it understands no CSS.
 */
export function textOf(html: string): string {
  const text = new Text();
  let skipped: string | undefined;
  for (const [token = '', comment, closing, name = '', attributes = '', , plain] of html.matchAll(TOKENS)) {
    const tag = name.toLowerCase();
    if (comment !== undefined) continue;
    if (skipped !== undefined) {
      // A head ends where the body begins.
      if ((closing === '/' && tag === skipped) || (skipped === 'head' && tag === 'body')) skipped = undefined;
    } else if (plain !== undefined) text.add(decode(plain));
    else if (tag === '') text.add(decode(token));
    else if (closing === '' && SKIPPED.includes(tag)) skipped = attributes.endsWith('/') ? undefined : tag;
    else text.tag(tag, closing === '/', attributes);
  }
  return text.toString();
}

// A comment, doctype or instruction; a tag with its attributes; text up to the next of these, or a lone `<`. What is not quoted
// in a tag is taken as a whole and not given back: an engine that remembers each letter runs out of memory for it.
const TOKENS =
  /(<!--[\s\S]*?(?:-->|$)|<[!?][^>]*>?)|<(\/?)([a-z][a-z0-9-]*)((?:(?=([^<>"']+))\5|"[^"]*"|'[^']*')*)>|([^<]+)|</gi;

/** Lists within lists are indented up to here; a hostile mail has thousands. */
const DEEPEST = 8;

class Text {
  #done = '';
  /** Line breaks owed before the next word: 1 ends the line, 2 leave one empty. */
  #breaks = 0;
  #blank = false;
  #preformatted = 0;
  #link: { readonly href: string; readonly from: number } | undefined;
  readonly #lists: (number | undefined)[] = [];

  add(text: string): void {
    if (this.#preformatted > 0) {
      this.#write(text);
      return;
    }
    const words = text.replace(/[ \t\r\n\f]+/g, ' ');
    if (words.startsWith(' ')) this.#blank = true;
    const word = words.trim();
    if (word === '') return;
    this.#write(word);
    this.#blank = words.endsWith(' ');
  }

  tag(name: string, closing: boolean, attributes: string): void {
    if (PARAGRAPHS.includes(name)) this.#break(2);
    else if (LINES.includes(name)) this.#break(name === 'br' && this.#breaks > 0 ? 2 : 1);
    if (name === 'pre') this.#preformatted = Math.max(0, this.#preformatted + (closing ? -1 : 1));
    else if (name === 'a') this.#anchor(closing, attributes);
    else if ((name === 'td' || name === 'th') && closing) this.#blank = true;
    else if (name === 'ul' || name === 'ol') this.#list(name, closing);
    else if (name === 'li' && !closing) this.#item();
    else if (name === 'hr') this.#rule();
    else if (name === 'img' && !closing) this.add(attribute(attributes, 'alt') ?? '');
  }

  toString(): string {
    return this.#done.replace(/(?<![ \t])[ \t]+$/gm, '').trim(); // from where blanks begin, for there may be thousands
  }

  #write(text: string): void {
    if (this.#done !== '' && this.#breaks > 0) this.#done += '\n'.repeat(this.#breaks);
    else if (this.#blank && this.#done !== '') this.#done += ' ';
    this.#breaks = 0;
    this.#blank = false;
    this.#done += text;
  }

  #break(lines: number): void {
    this.#breaks = Math.max(this.#breaks, lines);
    this.#blank = false;
  }

  #list(name: 'ul' | 'ol', closing: boolean): void {
    if (closing) this.#lists.pop();
    else this.#lists.push(name === 'ol' ? 0 : undefined);
    if (this.#lists.length > (closing ? 0 : 1)) this.#breaks = Math.min(this.#breaks, 1); // a list in a list
  }

  #item(): void {
    const count = this.#lists.at(-1);
    if (count !== undefined) this.#lists[this.#lists.length - 1] = count + 1;
    this.#write(
      `${'  '.repeat(Math.min(DEEPEST, Math.max(0, this.#lists.length - 1)))}${count === undefined ? '-' : `${count + 1}.`}`,
    );
    this.#blank = true;
  }

  #rule(): void {
    this.#write('---');
    this.#break(2);
  }

  #anchor(closing: boolean, attributes: string): void {
    if (!closing) {
      this.#link = { href: attribute(attributes, 'href') ?? '', from: this.#done.length };
      return;
    }
    const link = this.#link;
    this.#link = undefined;
    if (link === undefined || !/^(?:https?|mailto|tel):/i.test(link.href)) return;
    const shown = this.#done.slice(link.from).trim();
    const target = link.href.replace(/^(?:mailto|tel):/i, '');
    if (shown === target) return;
    this.#blank = shown !== '';
    this.#write(shown === '' ? target : `(${target})`);
  }
}

function attribute(attributes: string, name: string): string | undefined {
  for (const [, key = '', quoted, single, bare] of attributes.matchAll(ATTRIBUTES)) {
    if (key.toLowerCase() === name) return decode(quoted ?? single ?? bare ?? '').trim();
  }
  return undefined;
}

const ATTRIBUTES = /([^\s=/"']+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+)))?/g;

/** The entities that mails are written with; any other stays as it is. */
const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  zwnj: '',
  shy: '',
  ensp: ' ',
  emsp: ' ',
  thinsp: ' ',
  copy: '©',
  reg: '®',
  trade: '™',
  euro: '€',
  pound: '£',
  cent: '¢',
  yen: '¥',
  sect: '§',
  deg: '°',
  plusmn: '±',
  times: '×',
  ndash: '–',
  mdash: '—',
  hellip: '…',
  bull: '•',
  middot: '·',
  larr: '←',
  rarr: '→',
  laquo: '«',
  raquo: '»',
  lsquo: '‘',
  rsquo: '’',
  sbquo: '‚',
  ldquo: '“',
  rdquo: '”',
  bdquo: '„',
  szlig: 'ß',
  auml: 'ä',
  ouml: 'ö',
  uuml: 'ü',
  Auml: 'Ä',
  Ouml: 'Ö',
  Uuml: 'Ü',
  eacute: 'é',
  egrave: 'è',
  agrave: 'à',
  ccedil: 'ç',
  ntilde: 'ñ',
};

function decode(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,8}));/gi, (whole, decimal, hex, name) => {
    if (typeof name === 'string') return Object.hasOwn(ENTITIES, name) ? (ENTITIES[name] ?? whole) : whole;
    const point = typeof decimal === 'string' ? Number(decimal) : Number.parseInt(String(hex), 16);
    const printable = point >= 32 && point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff);
    return printable ? String.fromCodePoint(point === 0xa0 ? 32 : point) : ' ';
  });
}
