// Mails with a name: typed props in, a mail out.
import { InputError } from '@mailgrant/core';
import type { Mail } from '@mailgrant/nodemailer';
import { joinHeaders, said } from './defaults.ts';
import { Html } from './html.ts';

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

/** The fields a call may add to what the definition makes: `to`, `from`, `attachments` … */
export type MailFields = Omit<Mail, 'html' | 'text' | 'raw'>;

/** `(props, fields)` renders the mail. */
export interface DefinedMail<Props> {
  (props: Props, fields?: MailFields): Promise<RenderedMail>;
  /** The definition's name. A function's own `name` cannot be relied on. */
  readonly template: string;
  /** Names of the cases there are samples for: `['preview']` unless `preview` names several. */
  readonly previews: readonly string[];
  /** Renders a sample, the first or the one of this name: the mail as it would be sent, without recipients. */
  preview(name?: string): Promise<RenderedMail>;
}

/**
 * Defines a mail: `client.send(invoice({ number: 7 }, { to: 'ada@example.org' }))`. Fields of the call come last; header
 * fields and attachments are joined.
 * @throws TypeError `ERR_INPUT_OPTION` naming what is missing.
 */
export function defineMail<Props>(definition: MailDefinition<Props>): DefinedMail<Props> {
  check(definition);
  const { name, subject, render } = definition;
  const samples = samplesOf(definition.preview);
  const mail = async (props: Props, fields: MailFields = {}): Promise<RenderedMail> => {
    const content = await render(props);
    const parts: RenderedParts = typeof content === 'string' || content instanceof Html ? { html: content } : content;
    const headers = parts.headers && fields.headers && joinHeaders(parts.headers, fields.headers);
    const attachments = parts.attachments && fields.attachments && [parts.attachments, fields.attachments].flat();
    return {
      subject: typeof subject === 'function' ? subject(props) : subject,
      ...said(parts as Mail),
      ...said(fields),
      ...(headers && { headers }),
      ...(attachments && { attachments }),
      template: name,
    };
  };
  return Object.assign(mail, {
    template: name,
    previews: Object.keys(samples),
    async preview(which: string = Object.keys(samples)[0] ?? '') {
      if (Object.hasOwn(samples, which)) return mail(samples[which] as Props);
      const known = Object.keys(samples).join(', ');
      throw bad(`preview: there is no sample ${JSON.stringify(which)}; there are ${known}`);
    },
  });
}

function check<Props>({ name, subject, render, preview }: MailDefinition<Props>): void {
  if (typeof name !== 'string' || name === '') throw bad('name: expected the name of this kind of mail');
  if (typeof subject !== 'string' && typeof subject !== 'function') throw bad('subject: expected text, or a function');
  if (typeof render !== 'function') throw bad('render: expected a function of the props');
  if (preview === undefined) throw bad('preview: expected sample props');
}

function samplesOf<Props>(preview: MailDefinition<Props>['preview']): Readonly<Record<string, Props>> {
  const several = typeof preview === 'object' && preview !== null && 'cases' in preview;
  return several ? (preview as PreviewsOf<Props>).cases : { preview: preview as Props };
}

const bad = (message: string): InputError => new InputError('ERR_INPUT_OPTION', message);
