// What is known of the mail services: where they listen, how they log in, what they stand. Every figure can be overridden.
import type { MechanismName } from './sasl/mechanism.ts';
import type { TlsMode } from './smtp/session.ts';
import type { WireLevel } from './smtp/wire-ladder.ts';

/** What a service allows one mailbox. Absent: no limit is known. */
export interface ProviderLimits {
  /** Connections at a time, over all processes. */
  readonly connections: number;
  /** Messages within any 60 seconds. */
  readonly messagesPerMinute?: number | undefined;
  /** Recipients within any 24 hours. */
  readonly recipientsPerDay?: number | undefined;
  /** Recipients of one transaction; a message for more goes in several. */
  readonly recipientsPerMessage?: number | undefined;
  /** Bytes of a message, which is refused above with CapabilityError `ERR_SMTP_SIZE_EXCEEDED`. */
  readonly messageSize?: number | undefined;
}

/** A mail service: where it listens, how it logs in, what it stands. */
export interface Provider {
  /** Its name in events, traces and metrics. */
  readonly id: string;
  /** Host name or IP address of its submission server. */
  readonly host: string;
  /** 587 or 465, as a rule (RFC 8314 section 3.3). */
  readonly port: number;
  /** How TLS starts. */
  readonly tls: TlsMode;
  /** In order of preference; the first the server offers is used. */
  readonly mechanisms: readonly MechanismName[];
  /** The server is known to take AUTH lines longer than RFC 4954 section 4 allows: the token may go with the command. */
  readonly longAuthLines: boolean;
  /** How far round trips may be saved. Default `'grouped'`. */
  readonly wire?: WireLevel | undefined;
  /** Tokens are renewed this many milliseconds before they expire. */
  readonly tokenMargin: number;
  /** Milliseconds before its end from which the service refuses a token; such a one is not presented. */
  readonly tokenReserve: number;
  /** Its tokens are Microsoft Entra ID's, which can be read: `verify()` looks at them before a server does. */
  readonly entraTokens?: boolean | undefined;
  /** What to ask the token endpoint for when the application itself logs in; absent where that is not possible. */
  readonly applicationScope?: string | undefined;
  /** What to ask for when a person has signed in. */
  readonly delegatedScope?: string | undefined;
  /** What one mailbox may do. */
  readonly limits: ProviderLimits;
  /** The day the figures were last compared with the service's documentation. */
  readonly factDate: string;
}

const MINUTE = 60_000;

const microsoft = {
  port: 587,
  tls: 'starttls',
  mechanisms: ['XOAUTH2'],
  longAuthLines: true,
  entraTokens: true,
  tokenMargin: 10 * MINUTE,
  tokenReserve: MINUTE,
  limits: {
    connections: 3,
    messagesPerMinute: 30,
    recipientsPerDay: 10_000,
    recipientsPerMessage: 500,
    messageSize: 157_286_400,
  },
  factDate: '2026-11-20',
} as const satisfies Partial<Provider>;

/** The services known by name. */
export type ProviderName =
  | 'microsoft365'
  | 'hve'
  | 'outlook'
  | 'microsoft365-us'
  | 'microsoft365-china'
  | 'gmail'
  | 'yahoo'
  | 'fastmail';

/** The services known by name. Every figure can be overridden in the options of a mailer. */
export const PROVIDERS: Readonly<Record<ProviderName, Provider>> = {
  /** Exchange Online, worldwide and GCC. */
  microsoft365: {
    ...microsoft,
    id: 'microsoft365',
    host: 'smtp.office365.com',
    applicationScope: 'https://outlook.office365.com/.default',
    delegatedScope: 'https://outlook.office.com/SMTP.Send offline_access',
  },
  /** High Volume Email: internal recipients only; refuses tokens minutes before they expire. */
  hve: {
    ...microsoft,
    id: 'hve',
    host: 'smtp.hve.mx.microsoft',
    longAuthLines: false, // its documentation shows the two-step form only
    tokenMargin: 20 * MINUTE,
    tokenReserve: 10 * MINUTE,
    applicationScope: 'https://outlook.office.com/.default',
    delegatedScope: 'https://outlook.office.com/.default',
    limits: { connections: 3, recipientsPerMessage: 50, messageSize: 10 * 1024 * 1024 },
  },
  /** Personal Outlook.com mailboxes; a person has to sign in. */
  outlook: {
    ...microsoft,
    id: 'outlook',
    host: 'smtp-mail.outlook.com',
    delegatedScope: 'https://outlook.office.com/SMTP.Send offline_access',
  },
  /** US government, GCC High. */
  'microsoft365-us': {
    ...microsoft,
    id: 'microsoft365-us',
    host: 'smtp.office365.us',
    applicationScope: 'https://outlook.office365.us/.default',
    delegatedScope: 'https://outlook.office365.us/SMTP.Send offline_access',
  },
  /** China, operated by 21Vianet. */
  'microsoft365-china': {
    ...microsoft,
    id: 'microsoft365-china',
    host: 'smtp.partner.outlook.cn',
    applicationScope: 'https://partner.outlook.cn/.default',
    delegatedScope: 'https://partner.outlook.cn/SMTP.Send offline_access',
  },
  /** Gmail and Google Workspace. */
  gmail: {
    id: 'gmail',
    host: 'smtp.gmail.com',
    port: 587,
    tls: 'starttls',
    mechanisms: ['OAUTHBEARER', 'XOAUTH2'],
    longAuthLines: false, // answers 555 to lines of about 1 kB
    tokenMargin: 5 * MINUTE,
    tokenReserve: MINUTE,
    delegatedScope: 'https://mail.google.com/',
    limits: { connections: 3, recipientsPerDay: 2_000, recipientsPerMessage: 100, messageSize: 35_882_577 },
    factDate: '2026-11-20',
  },
  /** Yahoo and AOL, which register no new applications for mail. */
  yahoo: {
    id: 'yahoo',
    host: 'smtp.mail.yahoo.com',
    port: 465,
    tls: 'implicit',
    mechanisms: ['XOAUTH2'],
    longAuthLines: false,
    tokenMargin: 5 * MINUTE,
    tokenReserve: MINUTE,
    delegatedScope: 'mail-w',
    limits: { connections: 3 },
    factDate: '2026-11-20',
  },
  /** Fastmail. */
  fastmail: {
    id: 'fastmail',
    host: 'smtp.fastmail.com',
    port: 465,
    tls: 'implicit',
    mechanisms: ['OAUTHBEARER', 'XOAUTH2'],
    longAuthLines: false,
    tokenMargin: 5 * MINUTE,
    tokenReserve: MINUTE,
    delegatedScope: 'https://www.fastmail.com/dev/protocol-smtp',
    limits: { connections: 3 },
    factDate: '2026-11-20',
  },
};

/**
 * A server nothing is known of: the rules of the RFCs, and modest limits. TLS starts at once on port 465, else by STARTTLS.
 * Default port 587.
 */
export function genericProvider(host: string, port = 587): Provider {
  return {
    id: 'generic',
    host,
    port,
    tls: port === 465 ? 'implicit' : 'starttls',
    mechanisms: ['OAUTHBEARER', 'XOAUTH2'],
    longAuthLines: false,
    wire: 'data', // not every server stands an envelope behind a message, though RFC 2920 section 3.1 allows it
    tokenMargin: 5 * MINUTE,
    tokenReserve: MINUTE,
    // RFC 5321 section 4.5.3.1.8: every server takes a hundred.
    limits: { connections: 3, recipientsPerMessage: 100 },
    factDate: '2026-11-20',
  };
}
