// The header section of a message, read apart from a body that may be large.
import PostalMime, { addressParser, type Email } from 'postal-mime';

/** What a message's header says. */
export interface Head {
  readonly subject: string;
  readonly from: readonly MailAddress[];
  readonly to: readonly MailAddress[];
  readonly cc: readonly MailAddress[];
  readonly replyTo: readonly MailAddress[];
  /** As sent, angle brackets included. */
  readonly messageId: string | undefined;
  /** ISO 8601, or as written where it is no date. */
  readonly date: string | undefined;
  readonly contentType: string;
  /** Addresses in From and Sender, every one of them. */
  readonly senders: readonly string[];
}

export interface MailAddress {
  readonly name: string;
  readonly address: string;
}

const EMPTY: Head = {
  subject: '',
  from: [],
  to: [],
  cc: [],
  replyTo: [],
  messageId: undefined,
  date: undefined,
  contentType: 'text/plain',
  senders: [],
};

// Exchange takes no more than 256 KB of header; what claims to be longer is not worth a parser's time.
const HEAD_LIMIT = 262_144;

/** How many bytes the header section has, the empty line not counted. */
function headLength(raw: Buffer): number {
  if (raw.subarray(0, 2).toString('latin1') === '\r\n') return 0;
  const end = raw.indexOf('\r\n\r\n');
  return end === -1 ? raw.length : end + 2;
}

/** Flat list of addresses of the named header fields, all of them. */
const addressesOf = ({ headers }: Email, ...names: readonly string[]): MailAddress[] =>
  headers
    .filter(({ key }) => names.includes(key))
    .flatMap(({ value }) => addressParser(value, { flatten: true }))
    .flatMap(({ name, address }) => (address === undefined ? [] : { name, address }));

/** Reads the header section. A header no parser can make sense of gives an empty head, not an error. */
export async function readHead(raw: Buffer): Promise<Head> {
  let email: Email;
  const length = headLength(raw);
  if (length > HEAD_LIMIT) return EMPTY;
  try {
    email = await PostalMime.parse(Buffer.concat([raw.subarray(0, length), Buffer.from('\r\n')]));
  } catch {
    return EMPTY; // over the parser's limits: the message is still stored and its source can be read
  }
  const header = (name: string): string | undefined => email.headers.find(({ key }) => key === name)?.value;
  return {
    subject: email.subject ?? '',
    from: addressesOf(email, 'from'),
    to: addressesOf(email, 'to'),
    cc: addressesOf(email, 'cc'),
    replyTo: addressesOf(email, 'reply-to'),
    messageId: email.messageId,
    date: email.date,
    contentType: header('content-type') ?? 'text/plain',
    senders: addressesOf(email, 'from', 'sender').map(({ address }) => address),
  };
}
