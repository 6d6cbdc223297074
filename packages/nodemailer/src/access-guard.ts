// Keeps files and URLs unread from the start: plugins read content before a transport sees the mail.
import type { Readable } from 'node:stream';
import { checkAccess, type ContentPolicy } from './body.ts';
import { type Source, sourceOfContent } from './mime-tree.ts';
import { withNodemailerFields } from './nodemailer-error.ts';

/** What a transporter of nodemailer is to the transport it was made with; in its majors 6 to 10. */
export interface Transporter {
  readonly options: Record<string, unknown>;
  use(step: 'compile', plugin: CompilePlugin): unknown;
  /** Plugins of nodemailer's own, which run first: one of them reads the HTML. */
  readonly _defaultPlugins?: { readonly compile?: CompilePlugin[] };
}

/** What a mail forbids though the transport allows it. */
export interface Switches {
  readonly disableFileAccess?: unknown;
  readonly disableUrlAccess?: unknown;
}

type MailData = Switches & Readonly<Record<string, unknown>>;

type CompilePlugin = (mail: { readonly data: MailData }, done: (error?: Error | null) => void) => void;

/** Fields that nodemailer and its plugins read content from. */
const CONTENT = ['text', 'html', 'watchHtml', 'amp', 'icalEvent', 'markdown', 'raw', 'attachments', 'alternatives'];

/** Has a transporter refuse mails that name files or URLs, unless the policy allows it. */
export function guardAccess(transporter: Transporter, policy: ContentPolicy): void {
  // Since version 9 these hold for plugins, too, and for content the plugins make.
  if (!policy.allowFiles) transporter.options['disableFileAccess'] = true;
  if (!policy.allowUrls) transporter.options['disableUrlAccess'] = true;
  const guard: CompilePlugin = ({ data }, done) => {
    try {
      for (const source of sourcesOf(data)) checkAccess(source, stricter(policy, data));
    } catch (error) {
      endStreams(data);
      done(withNodemailerFields(error as Error));
      return;
    }
    done();
  };
  const { compile } = transporter._defaultPlugins ?? {};
  if (compile === undefined) transporter.use('compile', guard);
  else compile.unshift(guard);
}

/** The policy, as far as the mail does not forbid more. */
export function stricter({ allowFiles, allowUrls }: ContentPolicy, data: Switches): ContentPolicy {
  return { allowFiles: allowFiles && !data.disableFileAccess, allowUrls: allowUrls && !data.disableUrlAccess };
}

/** Ends the streams a mail would have been read from. */
export function endStreams(mail: object): void {
  for (const source of sourcesOf(mail as MailData)) {
    if (source.kind === 'stream') (source.stream as Partial<Readable>).destroy?.();
  }
}

/** Everything in the mail that content may be read from. */
function* sourcesOf(data: MailData): Generator<Source, void> {
  for (const field of CONTENT) {
    for (const part of [data[field]].flat()) {
      const { content, raw } = (typeof part === 'object' && part !== null ? part : {}) as MailData;
      for (const each of [part, content, raw]) yield sourceOfContent(each);
    }
  }
}
