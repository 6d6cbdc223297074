// Plays a dialogue against a transcript: lines that start with "S:" are fed, lines that start with "C:" are expected.
import { expect } from 'vitest';
import type { Dialogue } from '../src/smtp/dialogue.ts';
import { ReplyParser } from '../src/smtp/reply-parser.ts';
import type { Reply } from '../src/smtp/reply.ts';
import { MessageEncoder } from '../src/smtp/transparency.ts';

export const CHUNKINGS = ['whole', 'line by line', 'byte by byte'] as const;
export type Chunking = (typeof CHUNKINGS)[number];

export function play<T>(dialogue: Dialogue<T>, transcript: string, chunking: Chunking): T {
  const turns = transcript
    .trim()
    .split('\n')
    .map((line) => line.trim());
  let parser = new ReplyParser();
  const inbox: Reply[] = [];
  const hear = (): void => {
    let bytes = '';
    while (turns[0]?.startsWith('S:')) bytes += `${turns.shift()?.slice(3)}\r\n`;
    const whole = Buffer.from(bytes);
    const size = chunking === 'byte by byte' ? 1 : whole.length;
    const pieces =
      chunking === 'line by line' ? bytes.split(/(?<=\n)/).map((line) => Buffer.from(line)) : cut(whole, size);
    for (const piece of pieces) inbox.push(...parser.push(piece));
    if (parser.failure !== undefined) throw parser.failure;
  };
  const say = (line: string): void => expect(`C: ${line}`.trimEnd()).toBe(turns.shift());

  let next = dialogue.next([]);
  while (next.done !== true) {
    const step = next.value;
    let owed = 0;
    if (step.kind === 'secure') {
      expect(turns.shift()).toBe('TLS');
      parser = new ReplyParser();
    } else if (step.kind === 'greeting') owed = 1;
    else {
      for (const command of step.commands) say(command.line);
      owed = step.commands.length;
      if (step.body !== undefined) {
        const encoder = new MessageEncoder(step.body.framing);
        const wire = Buffer.concat([encoder.encode(step.body.content.bytes ?? Buffer.alloc(0)), encoder.end()]);
        if (step.body.framing !== 'data') say(`BDAT ${wire.length} LAST`);
        for (const line of wire.toString().split('\r\n').slice(0, -1)) say(line);
        owed += 1;
      }
    }
    if (owed > 0) hear();
    expect(inbox.length, 'the transcript has as many replies as the dialogue waits for').toBe(owed);
    next = dialogue.next(inbox.splice(0));
  }
  expect(turns, 'the transcript was played to its end').toEqual([]);
  return next.value;
}

function cut(bytes: Uint8Array, size: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
  return pieces;
}
