// One SMTP session, from greeting to QUIT (RFC 5321 section 3.1): reads a command, does it, replies, reads the next.
import { handleAuth } from './authentication.ts';
import { type Command, parseCommand } from './command.ts';
import type { Connection } from './connection.ts';
import type { ExchangeContext } from './context.ts';
import { Dialog } from './dialog.ts';
import type { Identity } from './identity.ts';
import { Disconnected } from './input.ts';
import { newSessionId, replies } from './replies.ts';
import { Transaction } from './transaction.ts';

const EXTENSIONS = (maxSize: number): readonly string[] => [
  `SIZE ${maxSize}`,
  'PIPELINING',
  'DSN',
  'ENHANCEDSTATUSCODES',
  'STARTTLS',
  '8BITMIME',
  'BINARYMIME',
  'CHUNKING',
  'SMTPUTF8',
];

/** Talks with one client until it leaves. Ends without an error whatever the client does. */
export async function serve(connection: Connection, context: ExchangeContext): Promise<void> {
  const session = new Session(connection, context);
  try {
    if (context.options.implicitTls) await connection.startTls(await context.secureContext());
    await session.run();
  } catch (error) {
    if (!(error instanceof Disconnected)) {
      // A defect of the sandbox: said aloud, but the other sessions go on.
      connection.conversation.add('note', `the sandbox failed: ${String(error)}`);
      process.emitWarning(error instanceof Error ? error : String(error));
      connection.destroy();
    }
  }
  connection.end();
}

class Session {
  readonly #connection: Connection;
  readonly #context: ExchangeContext;
  readonly #dialog: Dialog;
  readonly #transaction: Transaction;
  #greeted = false;
  #identity: Identity | undefined;
  #over = false;

  constructor(connection: Connection, context: ExchangeContext) {
    this.#connection = connection;
    this.#context = context;
    this.#dialog = new Dialog(connection, context, newSessionId());
    this.#transaction = new Transaction(this.#dialog, () => this.#identity);
  }

  async run(): Promise<void> {
    await this.#dialog.answer('GREETING', replies.greeting(this.#context.host, this.#context.now()));
    while (!this.#over) {
      const line = await this.#nextLine();
      const command = line === undefined ? undefined : parseCommand(line);
      if (line === undefined) {
        this.#dialog.heard('[a line that is too long]');
        await this.#dialog.penalty();
        this.#connection.write(replies.lineTooLong);
      } else if (command === undefined) {
        // It may be anything, a token too: its text stays out of the record and out of the reply.
        this.#dialog.heard(`[no command, ${line.length} bytes]`);
        await this.#dialog.penalty();
        this.#connection.write(replies.unknownCommand(''));
      } else {
        await this.#handle(command);
      }
    }
  }

  /** The next line; ends the session when it was idle for too long, or altogether too long. @throws Disconnected */
  async #nextLine(): Promise<Buffer | undefined> {
    const { limits, now } = this.#context;
    const since = now();
    const hangUp = (reply: string): void => {
      this.#connection.write(reply);
      this.#connection.end();
    };
    const timer =
      limits.idleTime === Infinity
        ? undefined
        : setTimeout(() => hangUp(this.#dialog.refusals.idle()), limits.idleTime);
    try {
      const line = await this.#dialog.line();
      const lasted = now() - this.#connection.conversation.startedAt;
      if (now() - since < limits.idleTime && lasted < limits.sessionTime) return line;
      const idle = now() - since >= limits.idleTime;
      hangUp(idle ? this.#dialog.refusals.idle() : this.#dialog.refusals.sessionTooLong(lasted));
      throw new Disconnected();
    } finally {
      clearTimeout(timer);
    }
  }

  /** What EHLO offers now. */
  #extensions(): readonly string[] {
    const { options } = this.#context;
    const { tls } = this.#connection;
    const offered = EXTENSIONS(options.maxSize).map((one) => (tls && one === 'STARTTLS' ? 'AUTH LOGIN XOAUTH2' : one));
    return options.extensions(offered, { tls });
  }

  #offers(): Set<string> {
    return new Set(this.#extensions().map((line) => (line.split(' ')[0] ?? '').toUpperCase()));
  }

  #mechanisms(): string[] {
    const line = this.#extensions().find((one) => /^AUTH /i.test(one)) ?? '';
    return line.toUpperCase().split(' ').slice(1);
  }

  async #handle(command: Command): Promise<void> {
    const { verb, argument } = command;
    const offers = this.#offers();
    const needs = verb === 'STARTTLS' && this.#connection.tls ? undefined : NEEDS[verb];
    const known = needs === undefined || offers.has(needs);
    const simple = (text = argument): void => this.#dialog.heard(text === '' ? verb : `${verb} ${text}`);
    switch (known ? verb : '') {
      case 'EHLO':
      case 'HELO':
        simple();
        return this.#hello(verb, argument);
      case 'STARTTLS':
        simple();
        return this.#startTls(argument);
      case 'AUTH':
        return this.#auth(argument);
      case 'MAIL':
        return this.#mail(command, offers);
      case 'RCPT':
        return this.#transaction.rcpt(command);
      case 'DATA':
        return this.#transaction.data(command);
      case 'BDAT':
        return this.#transaction.bdat(command);
      case 'RSET':
        simple();
        await this.#dialog.answer('RSET', replies.reset, () => this.#transaction.reset());
        return;
      case 'NOOP':
        simple();
        await this.#dialog.answer('NOOP', replies.noop);
        return;
      case 'VRFY':
        simple();
        await this.#dialog.answer('VRFY', replies.cannotVerify);
        return;
      case 'HELP':
        simple();
        await this.#dialog.answer('HELP', HELP);
        return;
      case 'QUIT':
        simple();
        await this.#dialog.answer('QUIT', replies.goodbye, () => {
          this.#over = true;
        });
        return;
      default:
        simple(argument === '' ? '' : `[${argument.length} chars]`);
        await this.#dialog.penalty();
        this.#connection.write(replies.unknownCommand(verb));
    }
  }

  async #hello(verb: string, argument: string): Promise<void> {
    if (!/^[\x21-\x7e]+$/.test(argument)) {
      await this.#dialog.answer('EHLO', replies.invalidDomain);
      return;
    }
    const lines = replies.hello(
      this.#context.host,
      this.#connection.remoteAddress,
      verb === 'EHLO' ? this.#extensions() : [],
    );
    const reply = lines.map((text, index) => `250${index === lines.length - 1 ? ' ' : '-'}${text}`).join('\n');
    await this.#dialog.answer('EHLO', reply, () => {
      this.#greeted = true;
      this.#connection.conversation.clientName = argument;
      this.#transaction.reset();
    });
  }

  async #startTls(argument: string): Promise<void> {
    if (argument !== '' || this.#connection.tls) {
      await this.#dialog.answer('STARTTLS', argument === '' ? replies.startTlsTwice : replies.invalidArguments);
      return;
    }
    // What came behind STARTTLS in the clear must not be taken for what came under TLS (RFC 3207 section 4.2).
    const injected = this.#connection.input.discard();
    if (injected > 0) this.#dialog.note(`${injected} bytes behind STARTTLS thrown away`);
    if ((await this.#dialog.answer('STARTTLS', replies.startTls)) !== '2') return;
    await this.#connection.startTls(await this.#context.secureContext(this.#dialog.certificate));
    this.#greeted = false;
    this.#transaction.reset();
  }

  async #auth(argument: string): Promise<void> {
    if (!this.#greeted || this.#transaction.open) {
      this.#dialog.heard('AUTH');
      await this.#dialog.answer('AUTH', this.#greeted ? replies.badSequence : replies.needHello);
      return;
    }
    const authenticated = this.#identity !== undefined;
    const identity = await handleAuth(this.#dialog, argument, { authenticated, mechanisms: this.#mechanisms() });
    if (identity === undefined) return;
    this.#identity = identity;
    this.#connection.conversation.identity = identity;
  }

  async #mail(command: Command, offers: ReadonlySet<string>): Promise<void> {
    if (this.#greeted && this.#connection.tls) return this.#transaction.mail(command, offers);
    this.#dialog.heard(`MAIL ${command.argument}`);
    const reply = this.#greeted ? this.#dialog.refusals.startTlsRequired() : replies.needHello;
    await this.#dialog.answer('MAIL', reply);
  }
}

/** Commands that exist only with their extension. */
const NEEDS: Readonly<Record<string, string | undefined>> = { STARTTLS: 'STARTTLS', BDAT: 'CHUNKING' };

const HELP = `214-This server supports the following commands:
214 HELO EHLO STARTTLS RCPT DATA RSET MAIL QUIT HELP AUTH BDAT`;
