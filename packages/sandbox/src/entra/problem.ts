// A refusal on its way out: a row of the table with its values filled in, as JSON or in a redirect.
import { randomUUID } from 'node:crypto';
import { AADSTS } from './aadsts.ts';

/** A refused request (RFC 6749 section 5.2), in Entra's terms. */
export interface EntraProblem {
  readonly status: number;
  readonly error: string;
  /** AADSTS number. */
  readonly number: number;
  readonly text: string;
  readonly suberror: string | undefined;
}

const STATUS: Readonly<Record<string, number>> = { invalid_client: 401, temporarily_unavailable: 503 };

/** What a refusal can say about the request, besides what its row says. */
export type ProblemValues = Readonly<Record<string, string>>;

/**
 * The refusal with this AADSTS number, `{name}` in its text replaced from `values`.
 * @throws TypeError when there is no such row
 */
export function problem(
  number: number,
  values: ProblemValues = {},
  changes: Partial<Omit<EntraProblem, 'number'>> = {},
): EntraProblem {
  const row = AADSTS.get(number);
  if (row === undefined) throw new TypeError(`AADSTS${number} is not in the sandbox's table`);
  return {
    status: row.status ?? STATUS[changes.error ?? row.error] ?? 400,
    error: row.error,
    number,
    text: row.text.replaceAll(/\{(\w+)\}/g, (_, name: string) => values[name] ?? `(${name})`),
    suberror: row.suberror,
    ...changes,
  };
}

export const isProblem = (value: object): value is EntraProblem => 'number' in value && 'error' in value;

/** The JSON body of a refusal, with the ids and the time people send to Microsoft's support. */
export function problemBody(refusal: EntraProblem, now: number, correlationId: string): Record<string, unknown> {
  const timestamp = timestampOf(now);
  const traceId = randomUUID();
  return {
    error: refusal.error,
    error_description: `AADSTS${refusal.number}: ${refusal.text} Trace ID: ${traceId} Correlation ID: ${correlationId} Timestamp: ${timestamp}`,
    error_codes: [refusal.number],
    timestamp,
    trace_id: traceId,
    correlation_id: correlationId,
    error_uri: `https://login.microsoftonline.com/error?code=${refusal.number}`,
    ...(refusal.suberror !== undefined && { suberror: refusal.suberror }),
  };
}

/** As Entra writes times: `2026-11-20 10:00:00Z`. */
export const timestampOf = (now: number): string => `${new Date(now).toISOString().slice(0, 19).replace('T', ' ')}Z`;
