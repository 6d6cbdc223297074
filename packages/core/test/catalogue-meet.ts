// How a row of the catalogues is met: the sandbox says it or is in the state that brings it about, the core sends a message,
// and what it throws is explained.
import { createSandbox, type FaultPoint, type Sandbox, type SandboxOptions } from '@mailgrant/sandbox';
import { expect } from 'vitest';
import {
  cached,
  clientCredentials,
  createMailer,
  type Mailer,
  type MailerOptions,
  MailError,
  type OutgoingMail,
  PROVIDERS,
  type SendOptions,
  type Stage,
} from '../src/index.ts';
import { type Entry, type Explanation, explain } from '../src/diagnosis/index.ts';

/** One message, and the mailer it is sent with: where it differs from one that arrives. */
export interface Attempt {
  readonly mailer?: Partial<MailerOptions>;
  /** Envelope and From header. */
  readonly from?: string;
  readonly headerFrom?: string;
  readonly to?: readonly string[];
  readonly mail?: Partial<OutgoingMail>;
  readonly send?: SendOptions;
  /** Through High Volume Email. */
  readonly hve?: boolean;
}

/** How somebody comes to meet a row. */
export type Way =
  /** The server says each of the row's samples in place of its reply to this. */
  | { readonly said: FaultPoint }
  /** The sandbox is in the state that brings it about. Its samples are said as well, at `said`. */
  | { readonly state: () => Promise<unknown>; readonly said?: FaultPoint }
  /** Nobody who sends meets it. */
  | { readonly never: string };

export const STAGES: Readonly<Partial<Record<FaultPoint, Stage>>> = {
  GREETING: 'greeting',
  EHLO: 'EHLO',
  STARTTLS: 'STARTTLS',
  AUTH: 'AUTH',
  MAIL: 'MAIL',
  RCPT: 'RCPT',
  DATA: 'DATA',
  MESSAGE: 'message',
};

/** A mailer to the sandbox that tries once, so that the first failure is the one that is told. */
export function mailerTo(sandbox: Sandbox, { mailer = {}, hve = false }: Attempt = {}): Mailer {
  const { tokenEndpoint, clientId, clientSecret, ca } = sandbox;
  const { smtp, scope } = hve ? sandbox.hve : sandbox;
  const provider = PROVIDERS[hve ? 'hve' : 'microsoft365'];
  return createMailer({
    provider: { ...provider, limits: { connections: 1 } },
    ...smtp,
    ca,
    user: hve ? (sandbox.directory.current.tenants[0]?.hveAccounts[0]?.address ?? '') : sandbox.mailbox,
    token: cached(clientCredentials({ tokenEndpoint, clientId, clientSecret, scope })),
    retries: 0,
    ...mailer,
  });
}

/** Sends one message; returns what was thrown. @throws Error when it was taken */
export async function failure(sandbox: Sandbox, attempt: Attempt = {}): Promise<unknown> {
  await using mailer = mailerTo(sandbox, attempt);
  return await failureOf(mailer, sandbox, attempt);
}

export async function failureOf(mailer: Mailer, sandbox: Sandbox, attempt: Attempt = {}): Promise<unknown> {
  const hve = sandbox.directory.current.tenants[0]?.hveAccounts[0]?.address;
  const from = attempt.from ?? (attempt.hve === true && hve !== undefined ? hve : sandbox.mailbox);
  const { headerFrom = from, to = [sandbox.mailbox] } = attempt;
  try {
    await mailer.send(
      {
        envelope: { from, to: [...to] },
        message: `From: ${headerFrom}\r\nSubject: Hello\r\n\r\nHello\r\n`,
        ...attempt.mail,
      },
      attempt.send,
    );
  } catch (error) {
    return error;
  }
  throw new Error('the message was taken');
}

/** What a sandbox of these settings makes of one message. */
export const inState =
  (options: SandboxOptions, attempt: Attempt = {}) =>
  async (): Promise<unknown> => {
    await using sandbox = await createSandbox(options);
    return await failure(sandbox, attempt);
  };

/** The explanation is that of the row, with class and remedy as they stand in the catalogue. */
export function expectRow(explanation: Explanation, { id, title, cause, remedy, ...row }: Partial<Entry>): void {
  expect(explanation.id).toBe(id);
  expect(explanation).toMatchObject({ title, remedy, ...(row.class !== undefined && { class: row.class }) });
  expect(explanation.cause.startsWith(cause ?? '')).toBe(true); // a fallback's cause goes on with what the status is about
}

/** @throws Error unless it is one of the package's errors */
export function explained(error: unknown): Explanation {
  expect(error).toSatisfy((thrown) => thrown instanceof MailError || (thrown as { code?: string }).code !== undefined);
  return explain(error);
}

/** Prints what was covered, row by row that was not. */
export function report(catalogue: string, ways: Readonly<Record<string, Way>>, said: string): void {
  const all = Object.entries(ways);
  const never = all.flatMap(([id, way]) => ('never' in way ? [`\n  not met by sending: ${id}: ${way.never}`] : []));
  const states = all.filter(([, way]) => 'state' in way).length;
  process.stdout.write(
    `${catalogue}: ${all.length} rows, ${all.length - never.length} met by sending, ${states} of them by the state of the server; ${said}${never.join('')}\n`,
  );
}
