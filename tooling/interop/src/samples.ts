// The messages that are sent, and what has to arrive.

export interface Sample {
  /** What is handed to the mailer. */
  readonly bytes: Buffer;
  /** What every server has to have in the end: the same, its line ends repaired (RFC 5321 section 2.3.8). */
  readonly expected: Buffer;
}

export type SampleName = 'text' | 'dots' | 'lineEnds' | 'eightBit' | 'attachment';

/** `subject` is how the sink knows it again. */
export function sample(name: SampleName, subject: string): Sample {
  const { headers, body } = BODIES[name];
  const fields = [
    'Date: Fri, 20 Nov 2026 12:00:00 +0000',
    'From: Sender <sender@interop.example>',
    'To: Somebody <somebody@example.org>',
    `Subject: ${subject}`,
    `Message-ID: <${subject}@interop.example>`,
    'MIME-Version: 1.0',
    ...headers,
  ];
  const bytes = Buffer.from(`${fields.join('\r\n')}\r\n\r\n${body()}`);
  return { bytes, expected: repaired(bytes) };
}

const utf8 = ['Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: 8bit'];
const plain = ['Content-Type: text/plain; charset=us-ascii'];

const BODIES: Record<SampleName, { headers: string[]; body: () => string }> = {
  text: { headers: plain, body: () => 'Hello,\r\n\r\nthis is a message.\r\n' },
  dots: {
    headers: plain,
    body: () => '.\r\n..\r\n.leading\r\n...\r\n \r\n.\r\n.\r\nMAIL FROM:<smuggled@example.org>\r\n..end\r\n.\r\n',
  },
  lineEnds: {
    headers: plain,
    body: () => 'a lone LF\nand a lone CR\rand\n.\nMAIL FROM:<smuggled@example.org>\r.\r\nno end of line',
  },
  eightBit: { headers: utf8, body: () => 'Grüße aus Köln: 你好, 🙂\r\n.ünd\r\n' },
  attachment: {
    headers: ['Content-Type: application/octet-stream; name="data.bin"', 'Content-Transfer-Encoding: base64'],
    body: () => {
      const data = Buffer.alloc(1024 * 1024);
      for (let i = 0; i < data.length; i += 1) data[i] = (i * 7 + (i >> 8)) & 0xff;
      return `${data.toString('base64').replace(/.{76}/g, '$&\r\n')}\r\n`;
    },
  },
};

/** Byte by byte, so that it has nothing in common with the encoder it is held against. */
function repaired(bytes: Buffer): Buffer {
  const out: number[] = [];
  for (let i = 0; i < bytes.length; i += 1) {
    const byte = bytes[i] ?? 0;
    if (byte === 0x0d) {
      out.push(0x0d, 0x0a);
      if (bytes[i + 1] === 0x0a) i += 1;
    } else if (byte === 0x0a) out.push(0x0d, 0x0a);
    else out.push(byte);
  }
  if (out.at(-1) !== 0x0a) out.push(0x0d, 0x0a);
  return Buffer.from(out);
}

/** Where two messages part, for people; `undefined` when they are the same. */
export function difference(expected: Buffer, found: Buffer): string | undefined {
  if (expected.equals(found)) return undefined;
  let at = 0;
  while (at < expected.length && expected[at] === found[at]) at += 1;
  const around = (bytes: Buffer): string =>
    JSON.stringify(bytes.subarray(Math.max(0, at - 20), at + 40).toString('latin1'));
  return `differs at byte ${at} of ${expected.length} (${found.length} arrived): sent ${around(expected)}, arrived ${around(found)}`;
}
