// --verbose: the SMTP conversation, as it happens. Secrets are taken out before it gets here.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { TranscriptEvent } from '@mailgrant/core';
import { type Terminal, wrap } from './terminal.ts';

const CHANNEL = 'mailgrant:smtp:transcript';
const SPEAKERS = { client: 'C', server: 'S', note: '-' } as const;
const INDENT = 5;

/** Prints the conversation until the returned function is called. */
export function showConversation(terminal: Terminal): () => void {
  const onEvent = (message: unknown): void => {
    const { from, line } = message as TranscriptEvent;
    const [first = '', ...more] = wrap(line, terminal.width - INDENT - 3);
    const color = from === 'client' ? 'cyan' : 'dim';
    terminal.line(' '.repeat(INDENT) + terminal.style(color, `${SPEAKERS[from]}: ${first}`));
    for (const each of more) terminal.line(' '.repeat(INDENT + 3) + terminal.style(color, each));
  };
  subscribe(CHANNEL, onEvent);
  return () => void unsubscribe(CHANNEL, onEvent);
}
