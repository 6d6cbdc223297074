// The scope parameter taken apart: one resource, its permissions, and the scopes of OpenID Connect.
import type { Tenant } from '../directory.ts';
import { CLOUDS } from './clouds.ts';
import { problem, type EntraProblem } from './problem.ts';

/** What a request asks for. */
export interface RequestedScope {
  /** The resource, as it will be in `aud`. */
  readonly resource: string;
  /** Permissions of the resource; empty for `/.default`. */
  readonly permissions: readonly string[];
  /** `openid`, `profile`, `email`, `offline_access`. */
  readonly openId: ReadonlySet<string>;
}

/** Office 365 Exchange Online, in every tenant. */
export const EXCHANGE_APP_ID = '00000002-0000-0ff1-ce00-000000000000';

const clouds = Object.values(CLOUDS);

/** What stands for Exchange Online in any cloud; `judgeResource` looks whether it is the tenant's. */
export const EXCHANGE: ReadonlySet<string> = new Set([...clouds.flatMap(({ exchange }) => exchange), EXCHANGE_APP_ID]);
const GRAPH = CLOUDS.worldwide.graph;
export const RESOURCES: ReadonlySet<string> = new Set([...EXCHANGE, ...clouds.map(({ graph }) => graph)]);

/** Whether a resource is Exchange Online for this tenant. */
export const isExchangeOf = ({ cloud }: Tenant, resource: string): boolean =>
  resource === EXCHANGE_APP_ID || CLOUDS[cloud].exchange.includes(resource);

const OPENID: ReadonlySet<string> = new Set(['openid', 'profile', 'email', 'offline_access']);
// SMTP.SendAsApp is not among them: it exists for apps only.
const DELEGATED: ReadonlySet<string> = new Set([
  'SMTP.Send',
  'Mail.Send',
  'Mail.Read',
  'IMAP.AccessAsUser.All',
  'POP.AccessAsUser.All',
  'EWS.AccessAsUser.All',
]);

/** Reads the scope of a request made in a user's name. `tenant` is for the text of a refusal. */
export function parseScope(text: string, tenant: string): RequestedScope | EntraProblem {
  const words = text.trim().split(/\s+/).filter(Boolean);
  if (words.length === 0) return problem(900144, { parameter: 'scope' });
  const openId = new Set(words.filter((word) => OPENID.has(word)));
  const wanted = words
    .filter((word) => !OPENID.has(word))
    .map((word) => (/^https:\/\/|^[0-9a-f-]{36}\//.test(word) ? word : `${GRAPH}/${word}`))
    .map((word) => ({
      word,
      resource: word.slice(0, word.lastIndexOf('/')),
      name: word.slice(word.lastIndexOf('/') + 1),
    }));
  const [first] = wanted;
  if (first === undefined) return { resource: GRAPH, permissions: [], openId };
  if (wanted.some(({ resource }) => resource !== first.resource)) return problem(700022);
  const invalid = wanted.find(
    ({ resource, name }) =>
      !/^[\w.-]+$/.test(name) || (EXCHANGE.has(resource) && name !== '.default' && !DELEGATED.has(name)),
  );
  if (invalid !== undefined) return problem(70011, { scope: invalid.word });
  if (!RESOURCES.has(first.resource)) return problem(500011, { resource: first.resource, tenant });
  const permissions = wanted.map(({ name }) => name).filter((name) => name !== '.default');
  return { resource: first.resource, permissions, openId };
}

/** As the answer of the token endpoint lists it. */
export const scopeText = (resource: string, permissions: readonly string[], openId: ReadonlySet<string>): string =>
  [...[...openId].filter((one) => one !== 'offline_access'), ...permissions.map((name) => `${resource}/${name}`)].join(
    ' ',
  );
