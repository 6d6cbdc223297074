// The pages people see: choice of account, consent, device code, errors. Plain HTML; one page has a line of script.
import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { EntraProblem } from './problem.ts';

const escape = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const STYLE = `:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:26rem;margin:10vh auto;padding:0 1rem}h1{font-size:1.4rem}
button{font:inherit;text-align:start;width:100%;padding:.7rem 1rem;margin:.25rem 0;cursor:pointer}
small{opacity:.7}input{font:inherit;padding:.5rem;width:100%;box-sizing:border-box}`;

/** A choice on a page: an account, or what to answer. */
export interface Choice {
  readonly label: string;
  readonly detail?: string;
  /** Form fields it stands for. */
  readonly fields: Readonly<Record<string, string>>;
}

/** A page with choices, each a form of its own that is sent to the page's own address. */
export const choicePage = (title: string, text: string, choices: readonly Choice[]): string =>
  page(
    title,
    `<p>${escape(text)}</p>${choices
      .map(
        ({ label, detail, fields }) =>
          `<form method="post">${hidden(fields)}<button>${escape(label)}${detail === undefined ? '' : `<br><small>${escape(detail)}</small>`}</button></form>`,
      )
      .join('')}`,
  );

export const codePage = (message: string): string =>
  page(
    'Enter code',
    `<p>${escape(message)}</p><form method="get"><input name="code" aria-label="Code" autocomplete="off" autofocus><button>Next</button></form>`,
  );

const SUBMIT = 'document.forms[0].submit()';

/** A page that posts its fields to an app at once (`response_mode=form_post`). */
export const postPage = (url: string, fields: Readonly<Record<string, string>>): string =>
  page(
    'Working…',
    `<form method="post" action="${escape(url)}">${hidden(fields)}<button>Continue</button></form><script>${SUBMIT}</script>`,
  );

const hidden = (fields: Readonly<Record<string, string>>): string =>
  Object.entries(fields)
    .map(([name, value]) => `<input type="hidden" name="${escape(name)}" value="${escape(value)}">`)
    .join('');

export const messagePage = (title: string, text: string): string => page(title, `<p>${escape(text)}</p>`);

export const problemPage = ({ number, text }: EntraProblem): string =>
  messagePage('Sorry, but we’re having trouble signing you in.', `AADSTS${number}: ${text}`);

const page = (title: string, body: string): string =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(title)}</title><style>${STYLE}</style><body><h1>${escape(title)}</h1>${body}<p><small>Mailgrant sandbox: no real accounts, no passwords.</small></p></body></html>`;

/** The one script there is. */
const SCRIPT = `sha256-${createHash('sha256').update(SUBMIT).digest('base64')}`;

export function sendPage(response: ServerResponse, status: number, html: string): void {
  response
    .writeHead(status, {
      'Content-Type': 'text/html; charset=utf-8',
      // No form-action: browsers apply it to the redirect that follows, which goes to the app.
      'Content-Security-Policy': `default-src 'none'; style-src 'unsafe-inline'; script-src '${SCRIPT}'; base-uri 'none'; frame-ancestors 'none'`,
      'Cache-Control': 'no-store',
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
    })
    .end(html);
}
