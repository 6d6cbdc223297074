// Mails with a name: typed props in, a mail out.
import type { Mail } from '@mailgrant/nodemailer';
import type { Html } from './html.ts';

/** What `render` returns: HTML, or the parts of the mail. Without `text` the client makes one of the HTML. */
export type RenderedContent = string | Html | RenderedParts;

export interface RenderedParts extends Pick<Mail, 'subject' | 'text' | 'attachments' | 'headers' | 'icalEvent'> {
  readonly html?: string | Html | undefined;
}

export interface MailDefinition<Props> {
  /** Tells mails of this kind apart in events, tests and lists: `invoice`. */
  readonly name: string;
  readonly subject: string | ((props: Props) => string);
  /** The content. May be asynchronous, as react-email and MJML are. */
  readonly render: (props: Props) => RenderedContent | Promise<RenderedContent>;
  /** Sample props for previews and tests; several by name, where one is not enough. */
  readonly preview: Props | PreviewsOf<Props>;
}

/** Sample props by the name of the case they show. */
export interface PreviewsOf<Props> {
  readonly cases: Readonly<Record<string, Props>>;
}

/** A mail made with `defineMail()`. */
export interface RenderedMail extends Mail {
  /** The name of its definition. */
  readonly template: string;
}

/** `(props, fields)` renders the mail; `fields` are those of a mail: `to`, `from`, `attachments` … */
export interface DefinedMail<Props> {
  (props: Props, fields?: Omit<Mail, 'html' | 'text'>): Promise<RenderedMail>;
  /** The definition's name. A function's own `name` cannot be relied on. */
  readonly template: string;
  /** Names of the cases there are samples for: `['preview']` unless `preview` names several. */
  readonly previews: readonly string[];
  /** Renders a sample: the mail as it would be sent, without recipients. */
  preview(name?: string): Promise<RenderedMail>;
}

/**
 * Defines a mail: `client.send(invoice({ number: 7 }, { to: 'ada@example.org' }))`.
 * @throws TypeError `ERR_INPUT_OPTION` naming what is missing.
 */
export function defineMail<Props>(definition: MailDefinition<Props>): DefinedMail<Props> {
  const { name, subject, render } = definition;
  const mail = async (props: Props, fields: Omit<Mail, 'html' | 'text'> = {}): Promise<RenderedMail> => {
    const content = await render(props);
    const parts = typeof content === 'string' || 'content' in content ? { html: content } : content;
    const given = { subject: typeof subject === 'function' ? subject(props) : subject, ...parts, ...fields };
    const headers = parts.headers && fields.headers ? [parts.headers, fields.headers].flat() : undefined;
    return { ...given, ...(headers && { headers }), template: name } as RenderedMail;
  };
  const cases = casesOf(definition.preview);
  return Object.assign(mail, {
    template: name,
    previews: Object.keys(cases),
    preview: async (which: string = Object.keys(cases)[0] ?? 'preview') => mail(cases[which] as Props),
  });
}

function casesOf<Props>(preview: MailDefinition<Props>['preview']): Readonly<Record<string, Props>> {
  const several = typeof preview === 'object' && preview !== null && 'cases' in preview;
  return several ? (preview as PreviewsOf<Props>).cases : { preview: preview as Props };
}
