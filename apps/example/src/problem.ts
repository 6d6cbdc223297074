// What went wrong, for a person: what happened, where, in whose words, and what to do.
import { InputError, MailError } from '@mailgrant/core';
import { explain, formatExplanation } from '@mailgrant/core/diagnosis';
import type { Target } from './target.ts';
import type { Terminal } from './terminal.ts';

export function printProblem(error: unknown, target: Target | undefined, terminal: Terminal): void {
  if (!(error instanceof MailError || error instanceof InputError)) {
    // Not Mailgrant's: whoever mends the demo wants to see where it came from.
    terminal.line(`\n${terminal.style('red', '✗')} The demo failed.`);
    terminal.line(error instanceof Error ? error.stack : String(error));
    return;
  }
  const explanation = explain(error, {
    model: 'app-permission',
    values: { mailbox: target?.user, 'client id': target?.clientId, 'tenant id': target?.tenantId },
  });
  const [title = '', , ...rest] = formatExplanation(explanation, { width: terminal.width }).split('\n');
  terminal.line(` ${terminal.style('red', '✗')} ${terminal.style('bold', title)}`);
  for (const line of rest) terminal.line(line.replace(/^\S.{13}/, (label) => terminal.style('dim', label)));

  const secret = whatTheSandboxKnows(target);
  if (secret !== undefined) {
    terminal.line();
    terminal.paragraph(`Exchange would not say it, the sandbox does: ${secret}.`, { style: 'yellow' });
  }
  terminal.line();
  // Where a server spoke, its words are above.
  const { reply, oauth } = explanation.facts;
  const message = reply === undefined && oauth === undefined ? `: ${error.message}` : '';
  terminal.paragraph(`${error.name} ${error.code}${message}`, { style: 'dim' });
  terminal.paragraph('docs/errors.md has more about this code.', { style: 'dim' });
}

/** The sandbox notes beside the conversation why it refused; Exchange keeps that to itself. */
function whatTheSandboxKnows(target: Target | undefined): string | undefined {
  const entries = target?.sandbox?.sessions.flatMap((session) => session.entries) ?? [];
  return entries
    .findLast(({ from, text }) => from === 'note' && text.startsWith('refused: '))
    ?.text.replace('refused: ', '');
}
