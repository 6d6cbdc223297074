// MAIL, RCPT, DATA, BDAT: one message from envelope to verdict (RFC 5321 section 3.3, RFC 3030).
import { findMailbox, findTenant } from '../directory.ts';
import { readHead } from '../inbox/head.ts';
import { rewriteFrom } from './alias.ts';
import { Collector } from './collector.ts';
import { type Command, isInternational, parseBdat, parsePath } from './command.ts';
import type { Dialog } from './dialog.ts';
import { bareLineEnd, DotDecoder } from './dot-decoder.ts';
import { isInternal, mayUseSender } from './hve.ts';
import { type Identity, judgeSubmission } from './identity.ts';
import { Disconnected } from './input.ts';
import { newInternalId, replies } from './replies.ts';
import type { RepeatedError, Traffic } from './traffic.ts';

const MAIL_PARAMETERS: ReadonlySet<string> = new Set(['SIZE', 'BODY', 'SMTPUTF8', 'RET', 'ENVID', 'AUTH']);
const RCPT_PARAMETERS: ReadonlySet<string> = new Set(['NOTIFY', 'ORCPT']);
const BODIES: ReadonlySet<string> = new Set(['7BIT', '8BITMIME', 'BINARYMIME']);

interface Refused {
  readonly address: string;
  readonly reply: string;
}

/** The message being taken in. */
interface Open {
  readonly from: string;
  readonly body: string;
  readonly utf8: boolean;
  readonly to: string[];
  readonly refused: Refused[];
  /** Chunks so far, once BDAT began. */
  chunks: Collector | undefined;
}

export class Transaction {
  readonly #dialog: Dialog;
  readonly #identity: () => Identity | undefined;
  #open: Open | undefined;

  constructor(dialog: Dialog, identity: () => Identity | undefined) {
    this.#dialog = dialog;
    this.#identity = identity;
  }

  get open(): boolean {
    return this.#open !== undefined;
  }

  /** Forgets envelope and chunks (RFC 5321 section 4.1.1.5). */
  reset(): void {
    this.#open = undefined;
  }

  async mail({ argument }: Command, offered: ReadonlySet<string>): Promise<void> {
    this.#dialog.connection.conversation.beginTransaction();
    this.#dialog.heard(`MAIL ${argument}`);
    this.#dialog.forget();
    const { reply, open } = this.#judgeMail(argument, offered);
    await this.#dialog.answer('MAIL', reply, () => {
      if (open !== undefined) this.#open = open;
    });
  }

  #judgeMail(argument: string, offered: ReadonlySet<string>): { readonly reply: string; readonly open?: Open } {
    const identity = this.#identity();
    if (identity === undefined) return { reply: this.#dialog.refusals.notAuthenticated() };
    if (this.#open !== undefined) return { reply: replies.senderTwice };
    const path = parsePath(argument, 'FROM');
    if (path === 'syntax') return { reply: replies.invalidArguments };
    if (path === 'address') return { reply: replies.senderInvalid };
    const { address, parameters } = path;
    const known = (keyword: string): boolean =>
      MAIL_PARAMETERS.has(keyword) && (keyword !== 'SMTPUTF8' || offered.has('SMTPUTF8'));
    if ([...parameters.keys()].some((keyword) => !known(keyword))) return { reply: replies.unknownParameter };
    const size = parameters.get('SIZE');
    if (parameters.has('SIZE') && !/^\d{1,20}$/.test(size ?? '')) return { reply: replies.invalidArguments };
    const body = (parameters.get('BODY') ?? '7BIT').toUpperCase();
    const bodyOffered = body === '7BIT' || (body === '8BITMIME' ? offered.has('8BITMIME') : offered.has('BINARYMIME'));
    if (!BODIES.has(body) || !bodyOffered) return { reply: replies.invalidArguments };
    const utf8 = parameters.has('SMTPUTF8');
    if (isInternational(address) && !utf8) return { reply: replies.senderInvalid };
    const { options, hve } = this.#dialog.context;
    if (Number(size ?? 0) > options.maxSize) return { reply: replies.tooLarge };
    if (hve !== undefined && !mayUseSender(identity, address)) {
      return { reply: this.#dialog.refusals.otherEnvelopeSender() };
    }
    const unknownFault = this.#dialog.provoke(address, 'MAIL');
    if (unknownFault !== undefined) return { reply: unknownFault };
    return { reply: replies.senderOk, open: { from: address, body, utf8, to: [], refused: [], chunks: undefined } };
  }

  async rcpt({ argument }: Command): Promise<void> {
    this.#dialog.heard(`RCPT ${argument}`);
    const path = parsePath(argument, 'TO');
    const address = typeof path === 'string' ? argument : path.address;
    const open = this.#open;
    const reply = this.#judgeRcpt(path, open);
    let accepted = false;
    await this.#dialog.answer('RCPT', reply, () => {
      accepted = reply === replies.recipientOk;
      if (accepted) open?.to.push(address);
    });
    const said = this.#dialog.connection.conversation.entries.at(-1)?.text ?? reply;
    if (!accepted) open?.refused.push({ address, reply: said });
  }

  #judgeRcpt(path: ReturnType<typeof parsePath>, open: Open | undefined): string {
    if (open === undefined || open.chunks !== undefined) return replies.needMail;
    if (path === 'syntax') return replies.invalidArguments;
    if (path === 'address' || path.address === '') return replies.recipientInvalid;
    const { address, parameters } = path;
    if ([...parameters.keys()].some((keyword) => !RCPT_PARAMETERS.has(keyword))) return replies.unknownParameter;
    if (isInternational(address) && !open.utf8) return replies.recipientInvalid;
    const { options, directory, hve } = this.#dialog.context;
    const identity = this.#identity();
    if (hve !== undefined && identity !== undefined && !isInternal(directory(), identity, address)) {
      return this.#dialog.refusals.externalRecipient();
    }
    if (open.to.length >= options.maxRecipients) {
      this.#failed('too many recipients');
      return replies.tooManyRecipients;
    }
    const unknownFault = this.#dialog.provoke(address, 'RCPT');
    if (unknownFault !== undefined) return unknownFault;
    const rule = options.refuse.find(({ match }) =>
      typeof match === 'string' ? match.toLowerCase() === address.toLowerCase() : new RegExp(match).test(address),
    );
    if (rule !== undefined) return rule.reply;
    const domain = address.slice(address.lastIndexOf('@') + 1).toLowerCase();
    const home = directory().tenants.find(({ domains }) => domains.some((name) => name.toLowerCase() === domain));
    const missing = home !== undefined && findMailbox(home, address) === undefined;
    if (!missing || options.unknownRecipients === 'accept') return replies.recipientOk;
    this.#failed('invalid recipients');
    return this.#dialog.refusals.recipientNotFound();
  }

  #failed(kind: RepeatedError): void {
    const { traffic, now, limits } = this.#dialog.context;
    traffic.of(this.#identity()?.mailbox ?? '').failed(kind, now(), limits);
  }

  async data({ argument }: Command): Promise<void> {
    this.#dialog.heard(argument === '' ? 'DATA' : `DATA ${argument}`);
    const open = this.#open;
    let reply: string = replies.startData;
    if (argument !== '') reply = replies.invalidArguments;
    else if (open === undefined) reply = replies.needMail;
    else if (open.to.length === 0) reply = replies.needRecipient;
    else if (open.chunks !== undefined || open.body === 'BINARYMIME') reply = replies.badSequence;
    const said = await this.#dialog.answer('DATA', reply);
    if (said !== '3' || reply !== replies.startData || open === undefined) return;

    const message = new Collector(this.#dialog.context.options.maxSize);
    const decoder = new DotDecoder(message.add);
    const { input } = this.#dialog.connection;
    for (let rest: Buffer | undefined; rest === undefined;) {
      rest = decoder.push(await input.chunk());
      if (rest !== undefined) input.unread(rest);
    }
    this.#dialog.heard(`[message, ${message.size} bytes, then <CRLF>.<CRLF>]`);
    await this.#finish(open, message);
  }

  async bdat({ argument }: Command): Promise<void> {
    this.#dialog.heard(`BDAT ${argument}`);
    const chunk = parseBdat(argument);
    if (chunk === undefined) {
      await this.#dialog.answer('BDAT', replies.invalidArguments);
      return;
    }
    const open = this.#open;
    const ready = open !== undefined && open.to.length > 0;
    // A refused chunk is on its way all the same and must be read (RFC 3030 section 2).
    const collector = (ready ? open.chunks : undefined) ?? new Collector(this.#dialog.context.options.maxSize);
    await this.#dialog.connection.input.exactly(chunk.size, collector.add);
    if (!ready) {
      await this.#dialog.answer('BDAT', open === undefined ? replies.needMail : replies.needRecipient);
      return;
    }
    open.chunks = collector;
    this.#dialog.heard(`[chunk, ${chunk.size} bytes]`);
    if (chunk.last) await this.#finish(open, collector);
    else if (collector.tooLarge) await this.#dialog.answer('BDAT', replies.tooLarge, () => this.reset());
    // A message that lost a chunk is lost: chunks behind it find no transaction (RFC 3030 section 2).
    else if ((await this.#dialog.answer('BDAT', replies.chunk(chunk.size))) !== '2') this.reset();
  }

  async #finish(open: Open, message: Collector): Promise<void> {
    this.reset();
    await this.#conclude(open, message);
    this.#dialog.connection.conversation.endTransaction();
  }

  async #conclude(open: Open, message: Collector): Promise<void> {
    const identity = this.#identity();
    const raw = message.bytes();
    const { senders } = await readHead(raw);
    const refusal =
      identity === undefined ? replies.needMail : this.#judgeMessage(open, message, raw, identity, senders);
    if (refusal !== undefined || identity === undefined) {
      await this.#dialog.answer('MESSAGE', refusal ?? replies.needMail);
      return;
    }
    const { context, connection } = this.#dialog;
    const traffic = context.traffic.of(identity.mailbox);
    const turn = await this.#takeTurn(traffic);
    if (turn === undefined) {
      await this.#dialog.answer('MESSAGE', replies.tooFast);
      return;
    }
    const internalId = newInternalId();
    const digit = await this.#dialog.answer('MESSAGE', replies.delivered(internalId), () => {
      traffic.delivered(context.now(), open.to.length, raw.length);
      return context.deliver({
        internalId,
        envelope: { from: open.from, to: open.to, refused: open.refused },
        raw: this.#withoutAlias(raw, identity, senders),
        identity,
        conversation: connection.conversation,
      });
    });
    if (digit !== '2') traffic.messages.splice(traffic.messages.indexOf(turn), 1);
  }

  /** Waits until the mailbox may send again and notes that it does; `undefined` where the message is refused instead. */
  async #takeTurn(traffic: Traffic): Promise<number | undefined> {
    const { limits, now } = this.#dialog.context;
    for (;;) {
      const at = now();
      const wait = traffic.nextMessageAt(at, limits.messagesPerMinute) - at;
      if (wait <= 0) {
        traffic.messages.push(at);
        return at;
      }
      if (limits.overRate === 'refuse') return undefined;
      if (!this.#dialog.connection.conversation.open) throw new Disconnected();
      // In short steps: the sandbox's clock may be moved by hand.
      await this.#dialog.connection.pause(Math.min(wait, 20));
    }
  }

  /** Mail from an alias shows the primary address, unless the organization says otherwise. */
  #withoutAlias(raw: Buffer, { tenantId, mailbox: address }: Identity, senders: readonly string[]): Buffer {
    const tenant = findTenant(this.#dialog.context.directory(), tenantId);
    const mailbox = tenant && findMailbox(tenant, address);
    if (tenant === undefined || mailbox === undefined || tenant.sendFromAlias) return raw;
    const alias = senders.find((one) => mailbox.aliases.some((name) => name.toLowerCase() === one.toLowerCase()));
    if (alias === undefined) return raw;
    this.#dialog.note(`the alias ${alias} in From became ${mailbox.address}: send from alias is off`);
    return rewriteFrom(raw, alias, mailbox.address);
  }

  #judgeMessage(
    open: Open,
    message: Collector,
    raw: Buffer,
    identity: Identity,
    senders: readonly string[],
  ): string | undefined {
    const { options } = this.#dialog.context;
    if (message.tooLarge) return replies.tooLarge;
    if (open.body !== 'BINARYMIME' && options.bareLineEnds === 'refuse') {
      const bare = bareLineEnd(raw);
      if (bare !== undefined) {
        this.#dialog.note(`refused: the message has a ${bare} that is not part of a CRLF`);
        return this.#dialog.refusals.bareLineEnd();
      }
    }
    if (this.#dialog.context.hve === undefined) return this.#judgeSender(open, raw, identity, senders);
    return senders.every((one) => mayUseSender(identity, one)) && senders.length > 0
      ? undefined
      : this.#dialog.refusals.otherHeaderSender();
  }

  /** What Exchange's store says to a submission. */
  #judgeSender(open: Open, raw: Buffer, identity: Identity, senders: readonly string[]): string | undefined {
    const { directory, limits, traffic: book, now } = this.#dialog.context;
    const traffic = book.of(identity.mailbox);
    const throttled = traffic.throttledBy(now());
    if (throttled !== undefined) return replies.throttled(throttled);
    const tenant = findTenant(directory(), identity.tenantId);
    const mailbox = tenant && findMailbox(tenant, identity.mailbox);
    const verdict = judgeSubmission(directory(), identity, [open.from, ...senders]);
    if (verdict === 'no mailbox rights') {
      const why = mailbox?.licensed === false ? 'the mailbox has no licence' : `no FullAccess to ${identity.mailbox}`;
      this.#dialog.note(`refused: app ${identity.clientId}: ${why}`);
      if (mailbox?.licensed === false) this.#failed('invalid license');
      return replies.mailboxLogonFailure;
    }
    if (verdict !== 'allowed') {
      this.#failed('send as denied');
      return replies.sendAsDenied(identity.mailbox, verdict.sender);
    }
    if (traffic.stored + raw.length > (mailbox?.quota ?? Infinity)) {
      this.#failed('mailbox full');
      return replies.mailboxFull;
    }
    if (traffic.recipientsToday(now()) + open.to.length > limits.recipientsPerDay) return replies.quotaExceeded;
    return undefined;
  }
}
