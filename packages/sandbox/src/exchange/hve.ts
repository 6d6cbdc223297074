// High Volume Email: the same protocol, other rules about who may send what to whom.
import { decodeJwt, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { type Directory, findApp, findEnterpriseApp, findTenant, type HveAccount, type Tenant } from '../directory.ts';
import type { Identity, Refused } from './identity.ts';

/** How High Volume Email differs from Exchange Online. */
export interface HveRules {
  /** Milliseconds a token has to be good for still. */
  readonly tokenMargin: number;
}

const AUDIENCE = 'https://outlook.office.com';

const refused = (refusal: Refused['refused'], why: string): Refused => ({ refused: refusal, why });

const findHveAccount = (tenant: Tenant, address: string): HveAccount | undefined =>
  tenant.hveAccounts.find((account) => account.address.toLowerCase() === address.toLowerCase());

/** Checks a token and the HVE account it is presented for. */
export async function authenticateHve(
  address: string,
  token: string,
  context: { readonly directory: Directory; readonly keys: JWTVerifyGetKey; readonly now: number },
  { tokenMargin }: HveRules,
): Promise<Identity | Refused> {
  const { directory, keys, now } = context;
  let claims: JWTPayload;
  try {
    // Expiry has replies of its own here, and is looked at below.
    const currentDate = new Date(Math.min(now, (decodeJwt(token).exp ?? 0) * 1000 - 1000));
    claims = (await jwtVerify(token, keys, { algorithms: ['RS256'], currentDate, requiredClaims: ['exp'] })).payload;
  } catch (error) {
    return refused('authenticationFailed', `the token is not valid: ${String(error)}`);
  }
  const left = (claims.exp ?? 0) * 1000 - now;
  if (left <= 0) return refused('tokenExpired', 'the token has expired');
  if (left < tokenMargin) return refused('tokenExpiresSoon', `the token is good for ${Math.floor(left / 1000)} s only`);
  return authorize(address, claims, directory);
}

function authorize(address: string, claims: JWTPayload, directory: Directory): Identity | Refused {
  const { aud, tid, appid, oid, roles, scp } = claims as JWTPayload & Record<string, unknown>;
  if (aud !== AUDIENCE) return refused('authenticationFailed', `the token is for ${String(aud)}, not for ${AUDIENCE}`);
  const tenant = typeof tid === 'string' ? findTenant(directory, tid) : undefined;
  const app = typeof appid === 'string' ? findApp(directory, appid) : undefined;
  const enterprise = tenant && app && findEnterpriseApp(tenant, app.clientId);
  if (!tenant || !app || !enterprise || typeof oid !== 'string') {
    return refused('authenticationFailed', 'the token names no tenant or no app known here');
  }
  const account = findHveAccount(tenant, address);
  if (account === undefined) return refused('notAnHveAccount', `${address} is no High Volume Email account`);
  const permitted =
    typeof scp === 'string'
      ? scp.split(' ').includes('Mail.Send')
      : Array.isArray(roles) && roles.includes('Mail.Send');
  if (!permitted) return refused('invalidPermissions', 'the token has no permission Mail.Send');
  const user = tenant.users.find(({ objectId }) => objectId === oid)?.upn;
  if (scp !== undefined && user?.toLowerCase() !== account.address.toLowerCase()) {
    return refused('authenticationFailed', `the token is ${user ?? oid}'s, not the account's own`);
  }
  if (account.allowedApps.length > 0 && !account.allowedApps.includes(enterprise.objectId)) {
    return refused(
      'appNotAllowed',
      `app ${app.clientId} (${enterprise.objectId}) is not among the allowed applications`,
    );
  }
  if (account.billing !== 'BillingPolicyValid') return refused('billing', `the billing policy: ${account.billing}`);
  return {
    tenantId: tenant.id,
    clientId: app.clientId,
    appName: app.name,
    objectId: oid,
    user,
    needsMailboxRights: false,
    mailbox: account.address,
  };
}

const same = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();

/** Whether the envelope sender is the account. */
export const mayUseSender = ({ mailbox }: Identity, from: string): boolean => same(mailbox, from);

/** Whether a recipient is inside the organization. */
export function isInternal(directory: Directory, { tenantId }: Identity, address: string): boolean {
  const domain = address.slice(address.lastIndexOf('@') + 1);
  return findTenant(directory, tenantId)?.domains.some((one) => same(one, domain)) === true;
}

/** What is wrong with a response to XOAUTH2, by the last digits of HVE's `501 5.5.12x`. */
export function describeMalformed(response: Buffer | undefined): '121' | '122' | '123' | '124' | '126' {
  if (response === undefined) return '126';
  const text = response.toString('utf8');
  if (!/^user=[^\u0001]+\u0001/i.test(text)) return '122'; // oxlint-disable-line no-control-regex
  if (!/\u0001auth=Bearer /i.test(text)) return '123'; // oxlint-disable-line no-control-regex
  return /\u0001auth=Bearer [^\u0001\s]+/i.test(text) ? '121' : '124'; // oxlint-disable-line no-control-regex
}
