// Misbehaviour of the token endpoint, on demand: a list of what to do instead, used up request by request.
import type { ServerResponse } from 'node:http';
import { FaultList } from '../faults/fault-list.ts';
import { sendJson } from '../http.ts';
import { problem, problemBody, type ProblemValues } from './problem.ts';

/** What the token endpoint does instead of its honest answer. */
export interface EntraFault {
  /** Refuses with the row of this AADSTS number, whatever the request was. */
  readonly aadsts?: number;
  /** HTTP status; default 200 with a `body`, 307 with a `redirect`. Without a `body`, 429 and 5xx carry Entra's JSON. */
  readonly status?: number;
  /** `Retry-After`: seconds, or an HTTP date. */
  readonly retryAfter?: number | string;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object goes out as JSON, a string as it is: HTML where it begins with `<`. */
  readonly body?: string | Readonly<Record<string, unknown>>;
  /** `Location` to redirect to. */
  readonly redirect?: string;
  /** Milliseconds to wait first. Alone, it delays the honest answer. */
  readonly delay?: number;
  /** Never answers; the connection stays open until the client or the sandbox closes it. */
  readonly hang?: boolean;
  /** Drops the connection with a TCP reset. */
  readonly reset?: boolean;
  /** How many requests it is for; default 1, `Infinity` until `clear()`. */
  readonly times?: number;
}

/** Where they strike: there is one place only. */
export const ENTRA_POINT = 'TOKEN';

/** Faults waiting for a token request. */
export type EntraFaults = FaultList<typeof ENTRA_POINT, EntraFault>;

export const createEntraFaults = (): EntraFaults => new FaultList('entra');

/** Whether the honest answer is still to come. */
export const onlyDelays = ({ times: _times, delay: _delay, ...rest }: EntraFault): boolean =>
  Object.values(rest).every((part) => part === undefined);
/** The HTTP status a fault answers with. */
export const faultStatus = ({ aadsts, status, redirect, body }: EntraFault): number => {
  if (status !== undefined) return status;
  if (aadsts !== undefined) return problem(aadsts).status;
  return redirect === undefined ? (body === undefined ? 503 : 200) : 307;
};

/** Waits, or less when the client goes. */
export function pause(milliseconds: number, response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    response.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Answers with a fault, or does not answer. */
export function sendFault(
  response: ServerResponse,
  fault: EntraFault,
  now: number,
  correlationId: string,
  values: ProblemValues,
): void {
  if (fault.hang === true) return;
  if (fault.reset === true) {
    response.socket?.resetAndDestroy();
    return;
  }
  const status = faultStatus(fault);
  if (fault.retryAfter !== undefined) response.setHeader('Retry-After', String(fault.retryAfter));
  if (fault.redirect !== undefined) response.setHeader('Location', fault.redirect);
  for (const [name, value] of Object.entries(fault.headers ?? {})) response.setHeader(name, value);
  if (typeof fault.body === 'string') {
    const type = fault.body.startsWith('<') ? 'text/html' : 'application/json';
    if (!response.hasHeader('content-type')) response.setHeader('Content-Type', `${type}; charset=utf-8`);
    response.writeHead(status).end(fault.body);
  } else if (fault.body !== undefined) {
    sendJson(response, status, fault.body);
  } else if (status >= 400) {
    const number = fault.aadsts ?? (status === 429 ? 90055 : 90033);
    sendJson(response, status, problemBody(problem(number, values, { status }), now, correlationId));
  } else {
    response.writeHead(status).end();
  }
}
