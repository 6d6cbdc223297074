// HTML that is safe by default: a tag that escapes everything but HTML.

/** A piece of HTML. It fits wherever a mail takes `html`, and stays as it is inside another `html` template. */
export class Html {
  readonly content: string;

  constructor(content: string) {
    this.content = content;
  }

  toString(): string {
    return this.content;
  }
}

/** What may stand in an `html` template. `null`, `undefined`, `true` and `false` leave nothing. */
export type HtmlValue = string | number | bigint | boolean | null | undefined | Html | readonly HtmlValue[];

export interface HtmlTag {
  (strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html;
  /** Takes text for HTML as it is. Never give it what somebody else wrote. */
  raw(content: string): Html;
}

function tag(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(strings.map((text, i) => text + (i < values.length ? encode(values[i]) : '')).join(''));
}

/**
 * Builds HTML: whatever is put into it is escaped, for text and for quoted attribute values, but for other pieces of `html`.
 * It does not look into URLs: a `javascript:` link stays one.
 *
 * ```ts
 * html`<p>Dear ${name},</p><ul>${items.map((item) => html`<li>${item}</li>`)}</ul>`
 * ```
 */
export const html: HtmlTag = Object.assign(tag, { raw: (content: string) => new Html(content) });

function encode(value: HtmlValue): string {
  if (value === null || value === undefined || typeof value === 'boolean') return '';
  if (value instanceof Html) return value.content;
  if (Array.isArray(value)) return (value as readonly HtmlValue[]).map(encode).join('');
  return String(value).replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`);
}
