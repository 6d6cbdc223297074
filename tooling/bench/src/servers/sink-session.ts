// One SMTP session of the sink, without its socket: bytes in, replies out. It accepts everything and keeps nothing.

/** What the sink has seen. */
export interface SinkCounts {
  connections: number;
  logins: number;
  messages: number;
  /** Of messages, as they came over the wire. */
  bytes: number;
}

/** What a session asks of its socket. */
export interface SessionOutput {
  readonly replies: string;
  readonly startTls: boolean;
  readonly quit: boolean;
  /** A message was taken: what follows is to be handed in after the delay of the server, if it has one. */
  readonly rest: Buffer | undefined;
}

/** As Exchange Online: BINARYMIME and CHUNKING included. */
const EXTENSIONS = [
  'SIZE 157286400',
  'PIPELINING',
  'DSN',
  'ENHANCEDSTATUSCODES',
  '8BITMIME',
  'BINARYMIME',
  'CHUNKING',
  'SMTPUTF8',
];
export const GREETING = '220 bench.outlook.office365.com Microsoft ESMTP MAIL Service ready\r\n';
const HOSTNAME = 'AM0PR01MB4321.eurprd01.prod.exchangelabs.com';
/** No two alike, as in life: who keeps the last answer has not read this one. */
const accepted = (message: number): string =>
  `250 2.0.0 OK <AM0PR01MB4321${message.toString(16).toUpperCase().padStart(16, '0')}@${HOSTNAME}> [Hostname=${HOSTNAME}]\r\n`;
const LF = 0x0a;
const LINE_END = Buffer.from('\r\n');
const END = Buffer.from('\r\n.\r\n');

export class SinkSession {
  readonly #counts: SinkCounts;
  readonly #stopAfterMessage: boolean;
  readonly #silent: boolean;
  #secure = false;
  #mode: 'command' | 'token' | 'data' | 'chunk' = 'command';
  /** Of the line or the end of data that is not complete yet. */
  #tail: Buffer = Buffer.alloc(0);
  /** Bytes of the BDAT chunk still to come. */
  #missing = 0;
  #last = false;

  /** @param options.silent logs in and then says nothing any more */
  constructor(counts: SinkCounts, { stopAfterMessage = false, silent = false } = {}) {
    this.#counts = counts;
    this.#stopAfterMessage = stopAfterMessage;
    this.#silent = silent;
  }

  secured(): void {
    this.#secure = true;
    this.#tail = Buffer.alloc(0);
  }

  push(chunk: Buffer): SessionOutput {
    let replies = '';
    let at = 0;
    while (at < chunk.length) {
      if (this.#mode === 'data' || this.#mode === 'chunk') {
        const end = this.#mode === 'data' ? this.#endOfData(chunk, at) : this.#endOfChunk(chunk, at);
        this.#counts.bytes += (end ?? chunk.length) - at;
        if (end === undefined) break;
        at = end;
        if (this.#mode === 'chunk' && !this.#last) replies += '250 2.0.0 chunk received\r\n';
        else {
          this.#counts.messages += 1;
          replies += accepted(this.#counts.messages);
        }
        const taken = this.#mode === 'data' || this.#last;
        this.#mode = 'command';
        if (taken && this.#stopAfterMessage) {
          return { replies, startTls: false, quit: false, rest: at < chunk.length ? chunk.subarray(at) : undefined };
        }
        continue;
      }
      const lineEnd = chunk.indexOf(LF, at);
      if (lineEnd < 0) {
        this.#tail = Buffer.concat([this.#tail, chunk.subarray(at)]);
        break;
      }
      let line = chunk.toString('latin1', at, lineEnd);
      if (this.#tail.length > 0) line = this.#tail.toString('latin1') + line;
      this.#tail = Buffer.alloc(0);
      at = lineEnd + 1;
      const verb = line.slice(0, 4).toUpperCase();
      if (verb === 'STAR')
        return { replies: `${replies}220 2.0.0 SMTP server ready\r\n`, startTls: true, quit: false, rest: undefined };
      if (verb === 'QUIT')
        return { replies: `${replies}221 2.0.0 Bye\r\n`, startTls: false, quit: true, rest: undefined };
      replies += this.#reply(verb, line);
    }
    return { replies, startTls: false, quit: false, rest: undefined };
  }

  #reply(verb: string, line: string): string {
    if (this.#mode === 'token') {
      this.#mode = 'command';
      this.#counts.logins += 1;
      return '235 2.7.0 Authentication successful\r\n';
    }
    if (this.#silent && verb === 'MAIL') return '';
    switch (verb) {
      case 'MAIL':
        return '250 2.1.0 Sender OK\r\n';
      case 'RCPT':
        return '250 2.1.5 Recipient OK\r\n';
      case 'DATA':
        if (this.#silent) return '';
        this.#mode = 'data';
        this.#tail = LINE_END;
        return '354 Start mail input; end with <CRLF>.<CRLF>\r\n';
      case 'BDAT':
        this.#mode = 'chunk';
        this.#missing = Number(line.split(' ')[1]);
        this.#last = /LAST\s*$/i.test(line);
        return '';
      case 'EHLO':
        return this.#extensions();
      case 'AUTH':
        if (line.trimEnd().split(' ').length > 2) {
          this.#counts.logins += 1;
          return '235 2.7.0 Authentication successful\r\n';
        }
        this.#mode = 'token';
        return '334 \r\n';
      case 'RSET':
      case 'NOOP':
        return '250 2.0.0 OK\r\n';
      default:
        return '500 5.3.3 Unrecognized command\r\n';
    }
  }

  #extensions(): string {
    const lines = [
      'bench.outlook.office365.com Hello',
      ...EXTENSIONS,
      this.#secure ? 'AUTH LOGIN XOAUTH2' : 'STARTTLS',
    ];
    return lines.map((line, i) => `250${i < lines.length - 1 ? '-' : ' '}${line}\r\n`).join('');
  }

  /** Where in `chunk` the data is over; `undefined` where it is not. */
  #endOfData(chunk: Buffer, at: number): number | undefined {
    const tail = this.#tail;
    if (tail.length > 0) {
      // The end may have begun in the piece before.
      const edge = Buffer.concat([tail, chunk.subarray(at, at + END.length - 1)]);
      const found = edge.indexOf(END);
      if (found >= 0) {
        this.#tail = Buffer.alloc(0);
        return at + found + END.length - tail.length;
      }
    }
    const found = chunk.indexOf(END, at);
    if (found >= 0) {
      this.#tail = Buffer.alloc(0);
      return found + END.length;
    }
    const seen = chunk.length - at;
    const kept = END.length - 1;
    this.#tail =
      seen >= kept ? Buffer.from(chunk.subarray(-kept)) : Buffer.concat([tail, chunk.subarray(at)]).subarray(-kept);
    return undefined;
  }

  #endOfChunk(chunk: Buffer, at: number): number | undefined {
    const there = Math.min(this.#missing, chunk.length - at);
    this.#missing -= there;
    return this.#missing === 0 ? at + there : undefined;
  }
}
