// What a browser does with redirects, forms and cookies, as far as a sign-in needs it; strict where browsers are strict.
import { ask, type Answer, type Question } from './https.ts';

interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly host: string;
  readonly attributes: readonly string[];
}

export interface Page extends Answer {
  readonly url: URL;
  /** Addresses on the way here. */
  readonly visited: readonly string[];
}

const MOST_REDIRECTS = 10;

export class Browser {
  readonly cookies = new Map<string, Cookie>();
  readonly trusted: readonly string[];

  constructor(ca: readonly string[]) {
    this.trusted = ca;
  }

  /** A link is followed, from `from` or typed. */
  open(url: string | URL, { from }: { readonly from?: URL | undefined } = {}): Promise<Page> {
    return this.#go(new URL(url, from), from, {});
  }

  /** The form of a page that has this in a field is sent. */
  choose(page: Page, value: string): Promise<Page> {
    const form = page.body.split('<form').find((one) => one.includes(`value="${value}"`));
    if (form === undefined) throw new Error(`no form with ${value} on ${page.url.href}`);
    const fields = [...form.matchAll(/name="([^"]*)" value="([^"]*)"/g)].map(([, name = '', of = '']) => [name, of]);
    return this.post(page.url, Object.fromEntries(fields) as Record<string, string>, page.url);
  }

  post(url: string | URL, fields: Readonly<Record<string, string>>, from: URL): Promise<Page> {
    const headers = { 'content-type': 'application/x-www-form-urlencoded', origin: from.origin };
    const question = { method: 'POST', headers, body: new URLSearchParams(fields).toString() };
    return this.#go(new URL(url, from), from, question);
  }

  async #go(url: URL, from: URL | undefined, first: Question): Promise<Page> {
    const visited: string[] = [];
    let question: Question = first;
    // What began on another site stays cross-site through all redirects.
    let site = from === undefined ? 'none' : from.origin === url.origin ? 'same-origin' : 'cross-site';
    for (let count = 0; count < MOST_REDIRECTS; count += 1) {
      visited.push(url.href);
      const cookie = this.#cookiesFor(url, site, question.method ?? 'GET');
      const answer = await ask(url, this.trusted, {
        ...question,
        headers: {
          accept: 'text/html,*/*;q=0.8',
          'sec-fetch-site': site,
          ...question.headers,
          ...(cookie && { cookie }),
        },
      });
      for (const line of answer.headers['set-cookie'] ?? []) this.#keep(line, url);
      const { location } = answer.headers;
      if (answer.status < 300 || answer.status >= 400 || location === undefined) return { ...answer, url, visited };
      const next = new URL(location, url);
      if (next.origin !== url.origin) site = 'cross-site';
      [url, question] = [next, {}];
    }
    throw new Error(`redirected too often: ${visited.join(' ')}`);
  }

  /** RFC 6265 section 5.4, with `SameSite=Lax`: from other sites only with a navigation that reads. Ports do not count. */
  #cookiesFor(url: URL, site: string, method: string): string {
    const fits = ({ host, attributes }: Cookie): boolean =>
      host === url.hostname &&
      (!attributes.includes('secure') || url.protocol === 'https:') &&
      (site !== 'cross-site' || (attributes.includes('samesite=lax') && method === 'GET'));
    const own = [...this.cookies.values()].filter(fits);
    return own.map(({ name, value }) => `${name}=${value}`).join('; ');
  }

  #keep(line: string, url: URL): void {
    const [pair = '', ...rest] = line.split(';').map((part) => part.trim());
    const [name = '', value = ''] = pair.split(/=(.*)/s);
    const attributes = rest.map((part) => part.toLowerCase());
    const secure = attributes.includes('secure') && url.protocol === 'https:';
    const domain = attributes.some((one) => one.startsWith('domain='));
    if (name.startsWith('__Host-') && (!secure || domain || !attributes.includes('path=/'))) return;
    if (attributes.includes('secure') && !secure) return;
    if (attributes.includes('max-age=0')) this.cookies.delete(name);
    else this.cookies.set(name, { name, value, host: url.hostname, attributes });
  }
}
