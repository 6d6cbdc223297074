// Errors as an HTTP response may tell them: no address, nothing of a mail, nothing a server said.
import { InputError, LimitError, MailError, mayHaveBeenSent, isTransient, TokenError } from '@mailgrant/core';

/** What may go into a response. */
export interface HttpProblem {
  readonly status: number;
  /** For people who used the page; it does not say why. */
  readonly title: string;
  /** The error's code, or `ERR_MAIL_UNKNOWN` for what is no error of mail. */
  readonly code: string;
  /** Seconds after which it may work, for a `Retry-After` field. */
  readonly retryAfter?: number;
}

/** Whether this is an error of sending mail, which `httpProblem()` knows more of than that something failed. */
export function isMailError(error: unknown): error is MailError | InputError {
  return error instanceof MailError || error instanceof InputError;
}

/**
 * What an HTTP response may say of an error. 400, 403, 409, 413, 422 where this mail cannot be sent, 502 where the mail service refused or
 * it is not known what happened, 503 where trying later may help, 504 where time ran out, else 500.
 */
export function httpProblem(error: unknown): HttpProblem {
  if (!isMailError(error)) return { status: 500, title: 'Something went wrong.', code: 'ERR_MAIL_UNKNOWN' };
  const { code } = error;
  if (mayHaveBeenSent(error)) return { status: 502, title: 'It is not certain whether the mail was sent.', code };
  if (BY_CODE[code] !== undefined) return { ...BY_CODE[code], code };
  if (error instanceof InputError) return { status: 500, title: NOT_SENT, code };
  if (!isTransient(error)) return { ...(FOR_GOOD[code] ?? { status: 502, title: NOT_SENT }), code };
  const retryAfter = error instanceof LimitError || error instanceof TokenError ? error.retryAfter : undefined;
  const seconds = retryAfter === undefined ? {} : { retryAfter: Math.max(1, Math.ceil(retryAfter / 1000)) };
  return { status: 503, title: AT_PRESENT, code, ...seconds };
}

const NOT_SENT = 'The mail could not be sent.';
const AT_PRESENT = 'The mail could not be sent at present.';

/** Where the server will not change its mind. */
const FOR_GOOD: Readonly<Record<string, Omit<HttpProblem, 'code'>>> = {
  ERR_SMTP_RECIPIENTS_REFUSED: {
    status: 422,
    title: 'The mail could not be sent: none of its recipients can get mail.',
  },
};

const BY_CODE: Readonly<Record<string, Omit<HttpProblem, 'code'>>> = {
  ERR_INPUT_ADDRESS: { status: 400, title: 'The mail could not be sent: an address in it is not valid.' },
  ERR_INPUT_MESSAGE: { status: 400, title: 'The mail could not be sent: its content is not valid.' },
  ERR_SMTP_SIZE_EXCEEDED: { status: 413, title: 'The mail could not be sent: it is too large.' },
  ERR_MAIL_NOT_ALLOWED: {
    status: 403,
    title: 'The mail could not be sent: this system does not write to its recipient.',
  },
  ERR_MAIL_CANCELLED: { status: 409, title: 'The mail was not sent.' },
  ERR_SMTP_DEADLINE: { status: 504, title: 'The mail could not be sent in time.' },
  ERR_MAILER_CLOSED: { status: 503, title: AT_PRESENT },
  ERR_SMTP_ABORTED: { status: 503, title: AT_PRESENT },
  ERR_SMTP_TIMEOUT: { status: 504, title: 'The mail could not be sent in time.' },
};
