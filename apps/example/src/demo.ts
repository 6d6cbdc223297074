// The demo itself, step by step: a token, a session, the mails.
import { cached, clientCredentials, createMailer, PROVIDERS } from '@mailgrant/core';
import { showConversation } from './conversation.ts';
import { composeMails } from './mails.ts';
import { createReport } from './report.ts';
import type { Settings } from './settings.ts';
import type { Target } from './target.ts';
import type { Terminal } from './terminal.ts';

export interface DemoOptions extends Pick<Settings, 'once' | 'verbose'> {
  readonly signal: AbortSignal;
}

/** Sends the mails and prints what happens; throws what Mailgrant throws. */
export async function runDemo(
  target: Target,
  terminal: Terminal,
  { once, verbose, signal }: DemoOptions,
): Promise<void> {
  const { tokenEndpoint, clientId, clientSecret, scope, server, user } = target;
  const report = createReport(target, terminal, once ? undefined : target.sandbox?.url);
  const stopShowing = verbose ? showConversation(terminal) : undefined;
  report.introduction();
  try {
    report.tokenWanted();
    const grant = clientCredentials({ tokenEndpoint, clientId, clientSecret, scope });
    const token = cached(grant, { earlyBy: PROVIDERS.microsoft365.tokenMargin });
    const [accessToken, tokenTook] = await timed(token({ signal }));
    report.tokenReceived(accessToken, token.state(), tokenTook);

    report.sessionWanted();
    await using mailer = createMailer({ provider: 'microsoft365', ...server, user, token });
    const [facts, sessionTook] = await timed(mailer.verify({ signal }));
    report.sessionOpened(facts, sessionTook);

    for (const mail of await composeMails(target)) {
      report.mailWanted(mail);
      report.mailSent(mail, await mailer.send(mail, { signal, deadline: 120_000 }));
    }
  } finally {
    stopShowing?.();
  }
  report.done();
}

async function timed<T>(promise: Promise<T>): Promise<[T, milliseconds: number]> {
  const start = performance.now();
  return [await promise, performance.now() - start];
}
