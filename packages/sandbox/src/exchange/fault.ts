// Misbehaviour of the SMTP server, on demand.

import { FaultList } from '../faults/fault-list.ts';

/** Where in a conversation a fault strikes: the reply to this command, to the end of the message, or the greeting. */
export type FaultPoint = (typeof FAULT_POINTS)[number];

/** In the order a session comes to them. */
export const FAULT_POINTS = [
  'GREETING',
  'EHLO',
  'STARTTLS',
  'AUTH',
  'MAIL',
  'RCPT',
  'DATA',
  'BDAT',
  'MESSAGE',
  'RSET',
  'NOOP',
  'VRFY',
  'HELP',
  'QUIT',
] as const;

/** What can be wrong with a certificate. */
export type CertificateFault = 'wrong-host' | 'unknown-authority';

/** What happens in place of an honest reply. Parts combine: after the delay the reply, after the reply the close. */
export interface ExchangeFault {
  /**
   * Said instead of the honest reply. A string is sent as lines (`\n` between them, CRLF is added), bytes as they are.
   * `[server time session]` in a string becomes Exchange's trailer. The command takes effect only when the first digit is
   * that of the honest reply.
   */
  readonly reply?: string | Uint8Array;
  /** The same for what JSON cannot say otherwise: sent as it is, half a reply or more than one. */
  readonly raw?: string;
  /** Milliseconds to wait before the reply. Alone, it delays the honest one. */
  readonly delay?: number;
  /** Milliseconds between one byte of the reply and the next. */
  readonly drip?: number;
  /** Never replies, or after `reply` says nothing more. The command has taken effect. */
  readonly hang?: boolean;
  /**
   * Closes the connection after the reply or, where no reply is given, instead of it: then the command has taken effect
   * and only its reply is lost. `end` closes in order (FIN), `reset` does not (RST).
   */
  readonly close?: 'end' | 'reset';
  /** For STARTTLS: shows a certificate for another host, or of an authority nobody knows. */
  readonly certificate?: CertificateFault;
  /** How often it strikes; default 1, `Infinity` until `clear()`. */
  readonly times?: number;
}

/** Faults waiting for their moment in one SMTP server. */
export type ExchangeFaults = FaultList<FaultPoint, ExchangeFault>;

export const createExchangeFaults = (on: 'exchange' | 'hve'): ExchangeFaults => new FaultList(on);
