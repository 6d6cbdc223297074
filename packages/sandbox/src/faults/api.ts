// Faults over HTTP: what there is, what waits; setting and removing them. README.md shows the requests.
import { ApiError, type JsonObject, type Route } from '../api.ts';
import { ENTRA_POINT, type EntraFault } from '../entra/fault.ts';
import { type ExchangeFault, FAULT_POINTS } from '../exchange/fault.ts';
import { sendJson } from '../http.ts';
import type { FaultBoard } from './fault-board.ts';
import type { WaitingFault } from './fault-list.ts';
import { FAULTS } from './named-fault.ts';

/** What the routes work on. */
export interface FaultSource {
  readonly faults: FaultBoard;
}

export const FAULT_ROUTES: readonly Route<FaultSource>[] = [
  [
    'GET',
    /^\/api\/faults$/,
    ({ source, response }) => {
      const known = FAULTS.map(({ name, on, says }) => ({ name, on, says }));
      sendJson(response, 200, { waiting: source.faults.waiting().map(shown), known });
    },
  ],
  [
    'POST',
    /^\/api\/faults$/,
    ({ source, response, body }) => sendJson(response, 201, shown(setFault(source.faults, body))),
  ],
  [
    'DELETE',
    /^\/api\/faults$/,
    ({ source, response }) => {
      source.faults.clear();
      response.writeHead(204).end();
    },
  ],
  [
    'DELETE',
    /^\/api\/faults\/([\w-]+)$/,
    ({ source, response, parameters: [id = ''] }) => {
      if (!source.faults.remove(id)) throw new ApiError(404, `no fault ${id} waits`);
      response.writeHead(204).end();
    },
  ],
];

const FOREVER = 'until-cleared';

/** JSON has no `Infinity`. */
const shown = ({ left, ...rest }: WaitingFault): object => ({ ...rest, left: left === Infinity ? FOREVER : left });

type Kind = 'text' | 'number' | 'boolean' | 'object' | readonly string[];

const COMMON = { on: ['entra', 'exchange', 'hve'], times: 'number', delay: 'number', hang: 'boolean' } as const;
const NAMED: Fields = { name: 'text', on: COMMON.on, times: COMMON.times };
const ENTRA: Fields = {
  ...COMMON,
  point: [ENTRA_POINT],
  aadsts: 'number',
  status: 'number',
  retryAfter: 'number',
  headers: 'object',
  body: 'object',
  text: 'text',
  redirect: 'text',
  reset: 'boolean',
};
const SMTP: Fields = {
  ...COMMON,
  point: FAULT_POINTS,
  reply: 'text',
  raw: 'text',
  drip: 'number',
  close: ['end', 'reset'],
  certificate: ['wrong-host', 'unknown-authority'],
};

type Fields = Readonly<Record<string, Kind>>;

function setFault(board: FaultBoard, body: JsonObject): WaitingFault {
  const times = body['times'] === FOREVER ? Infinity : body['times'];
  const given = Object.fromEntries(Object.entries({ ...body, times }).filter(([, value]) => value !== undefined));
  const fields = 'name' in body ? NAMED : body['on'] === 'entra' ? ENTRA : SMTP;
  for (const [field, value] of Object.entries(given)) check(field, value, fields[field]);
  const { on, point, name, text, ...fault } = given;
  try {
    if (typeof name === 'string') {
      const { times: count = 1 } = given as { readonly times?: number };
      return board.byName(name, { times: count, ...(on === 'exchange' || on === 'hve' ? { on } : {}) });
    }
    if (on === 'entra') return board.entra({ ...fault, ...(text !== undefined && { body: text }) } as EntraFault);
    const at = FAULT_POINTS.find((one) => one === point);
    if (at === undefined) throw new TypeError(`point: expected one of ${FAULT_POINTS.join(', ')}`);
    return board.smtp(on === 'hve' ? 'hve' : 'exchange', at, fault as ExchangeFault);
  } catch (error) {
    if (error instanceof TypeError) throw new ApiError(400, error.message);
    throw error;
  }
}

function check(field: string, value: unknown, kind: Kind | undefined): void {
  if (kind === undefined) throw new ApiError(400, `${field}: no such field`);
  if (typeof kind === 'object') {
    if (!kind.includes(value as string)) throw new ApiError(400, `${field}: expected one of ${kind.join(', ')}`);
  } else if (kind === 'number') {
    const fits = typeof value === 'number' && value >= 0 && (field !== 'times' || value >= 1);
    if (!fits) throw new ApiError(400, `${field}: expected a number${field === 'times' ? ` or "${FOREVER}"` : ''}`);
  } else if (typeof value !== (kind === 'text' ? 'string' : kind) || value === null) {
    throw new ApiError(400, `${field}: expected ${kind === 'object' ? 'an object' : `a ${kind}`}`);
  }
}
