// The Date of a message, kept apart from it: a mail says when it was to be sent, and that may still change.

const LINE_END = Buffer.from('\r\n');
const HEADER_END = Buffer.from('\r\n\r\n');

/** As RFC 5322 section 3.3 has it, in UTC. */
export function dateLine(at: Date): Buffer {
  return Buffer.from(`Date: ${at.toUTCString().replace('GMT', '+0000')}\r\n`);
}

/** Takes the Date field out of a message's header; the rest passes as it is. */
export async function* withoutDate(
  message: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let header: Buffer | undefined = Buffer.alloc(0);
  for await (const piece of message) {
    if (header === undefined) {
      yield piece;
      continue;
    }
    header = Buffer.concat([header, piece]);
    const end = header.indexOf(HEADER_END);
    if (end < 0) continue;
    yield cut(header, end);
    header = undefined;
  }
  if (header !== undefined) yield cut(header, header.length);
}

function cut(message: Buffer, headerEnd: number): Buffer {
  for (let from = 0; from < headerEnd;) {
    const to = message.indexOf(LINE_END, from);
    if (to < 0) break;
    if (/^date:/i.test(message.toString('latin1', from, from + 5))) {
      return Buffer.concat([message.subarray(0, from), message.subarray(to + LINE_END.length)]);
    }
    from = to + LINE_END.length;
  }
  return message;
}
