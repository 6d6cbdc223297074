// verifyOnStartup: whether somebody should know at once that mail will not work.
import type { MailClient } from '@mailgrant/mail';
import { Logger } from '@nestjs/common';

const DEADLINE = 30_000; // milliseconds; an orchestrator that waits for the start gives up not much later

/**
 * Logs in as `how` says; resolves at once unless a failure is to end the start.
 * @param signal ends the attempt: the application is closed
 */
export async function verifyAtStart(
  name: string,
  client: MailClient,
  how: 'off' | 'warn' | 'fail' = 'off',
  signal: AbortSignal,
): Promise<void> {
  if (how === 'off') return;
  const verified = client.verify({ deadline: DEADLINE, signal });
  if (how === 'fail') {
    await verified;
    return;
  }
  verified.catch(async (error: unknown) => {
    if (signal.aborted) return;
    // Loaded where it is needed: the catalogue is large.
    const { explain, formatExplanation } = await import('@mailgrant/core/diagnosis');
    new Logger('MailModule').warn(`Mailer "${name}" could not log in.\n${formatExplanation(explain(error))}`);
  });
}
