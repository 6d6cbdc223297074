// The HTML of a mail, fit to be shown: it runs no script, loads nothing, and cannot reach the page around it.
import type { ParsedMail } from './message.ts';

const IMAGES: ReadonlySet<string> = new Set([
  'image/png',
  'image/jpeg',
  'image/gif',
  'image/webp',
  'image/avif',
  'image/bmp',
  'image/svg+xml',
]);

/** Sandboxed even when opened by itself; only what the document carries inside it is shown. */
export const RENDERED_POLICY: string = [
  'sandbox allow-popups allow-popups-to-escape-sandbox',
  "default-src 'none'",
  'img-src data:',
  'font-src data:',
  "style-src 'unsafe-inline'",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'self'",
].join('; ');

/** The HTML body with its `cid:` images put in, or `undefined` when the mail has no HTML. */
export function renderedHtml({ html, attachments }: ParsedMail): string | undefined {
  if (html === undefined) return undefined;
  let shown = html;
  for (const { contentId, mimeType, content } of attachments) {
    if (contentId === '' || !IMAGES.has(mimeType)) continue;
    const data = `data:${mimeType};base64,${Buffer.from(content).toString('base64')}`;
    for (const name of new Set([contentId, encodeURIComponent(contentId)])) {
      shown = shown.replaceAll(`cid:${name}`, () => data);
    }
  }
  return shown;
}

/** Whether the HTML asks for something from the network, which it does not get. */
export const wantsRemoteContent = (html: string): boolean =>
  /\b(?:src|srcset|background|poster)\s*=\s*["']?\s*(?:https?:)?\/\/|url\(\s*["']?\s*(?:https?:)?\/\/|<link\b[^>]+href/i.test(
    html,
  );
