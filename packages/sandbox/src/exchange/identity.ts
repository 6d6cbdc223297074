// Who authenticated, and what that lets them do: the checks Exchange makes at AUTH and those it makes only after DATA.
import { jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import {
  type AppRegistration,
  type Directory,
  findApp,
  findMailbox,
  findTenant,
  hasAddress,
  type Mailbox,
  type Tenant,
} from '../directory.ts';
import { CLOUDS } from '../entra/clouds.ts';
import { EXCHANGE, isExchangeOf } from '../entra/scope.ts';

/** The mailbox a session sends as, and the app that authenticated for it. */
export interface Identity {
  readonly tenantId: string;
  readonly clientId: string;
  readonly appName: string;
  /** Object id of the enterprise application, or of the user. */
  readonly objectId: string;
  /** Sign-in name of the user in whose name the app came, if it did not come in its own. */
  readonly user: string | undefined;
  /** Whether Exchange looks at FullAccess: the token carries SMTP.SendAsApp. An app with a role assignment alone needs none. */
  readonly needsMailboxRights: boolean;
  /** Primary address of the mailbox named in XOAUTH2's `user`. */
  readonly mailbox: string;
}

/** A refusal: which reply it gets, and why, for the person at the sandbox. Exchange itself does not tell. */
export interface Refused {
  readonly refused:
    | 'authenticationFailed'
    | 'disabledForTenant'
    | 'disabledForMailbox'
    | 'mailboxInaccessible'
    | 'tokenExpiresSoon'
    | 'tokenExpired'
    | 'invalidPermissions'
    | 'appNotAllowed'
    | 'notAnHveAccount'
    | 'billing';
  readonly why: string;
}

const refused = (why: string): Refused => ({ refused: 'authenticationFailed', why });

/** Checks a token and the mailbox it is presented for. */
export async function authenticate(
  user: string,
  token: string,
  { directory, keys, now }: { readonly directory: Directory; readonly keys: JWTVerifyGetKey; readonly now: number },
): Promise<Identity | Refused> {
  let claims: JWTPayload;
  try {
    const options = { algorithms: ['RS256'], currentDate: new Date(now), requiredClaims: ['exp', 'nbf'] };
    claims = (await jwtVerify(token, keys, options)).payload;
  } catch (error) {
    return refused(`the token is not valid: ${error instanceof Error ? error.message : String(error)}`);
  }
  return authorize(user, claims, directory);
}

function authorize(user: string, claims: JWTPayload, directory: Directory): Identity | Refused {
  const { aud, iss, tid, appid, oid, scp } = claims as JWTPayload & Record<string, unknown>;
  if (typeof aud !== 'string' || !EXCHANGE.has(aud)) {
    return refused(`the token is for ${String(aud)}, not for Exchange Online`);
  }
  const tenant = typeof tid === 'string' ? findTenant(directory, tid) : undefined;
  if (tenant === undefined) return refused('the token names no tenant known here');
  if (!isExchangeOf(tenant, aud)) return refused(`the token is for ${aud}, Exchange Online in another cloud`);
  if (iss !== `${CLOUDS[tenant.cloud].issuer}/${tenant.id}/`)
    return refused(`the token's issuer ${String(iss)} is not its tenant's`);
  const mailbox = findMailbox(tenant, user);
  if (mailbox === undefined) return refused(`tenant ${tenant.name} (${tenant.id}) has no mailbox ${user}`);
  const app = typeof appid === 'string' ? findApp(directory, appid) : undefined;
  if (app === undefined || typeof oid !== 'string') return refused('the token names no app known here');
  const upn = tenant.users.find(({ objectId }) => objectId === oid)?.upn;
  const refusal =
    scp === undefined && upn === undefined
      ? judgeApp(tenant, mailbox, app, oid, hasRole(claims))
      : judgeUser(tenant, mailbox, oid, upn, scp);
  if (refusal !== undefined) return refusal;
  if (!(mailbox.smtpAuth ?? tenant.smtpAuth)) {
    const where = mailbox.smtpAuth === undefined ? 'Tenant' : 'Mailbox';
    return { refused: `disabledFor${where}`, why: `SMTP AUTH is off for the ${where.toLowerCase()}` };
  }
  if (mailbox.locked) return { refused: 'mailboxInaccessible', why: `the mailbox ${mailbox.address} is locked` };
  return {
    tenantId: tenant.id,
    clientId: app.clientId,
    appName: app.name,
    objectId: oid,
    user: upn,
    needsMailboxRights: upn !== undefined || hasRole(claims),
    mailbox: mailbox.address,
  };
}

const hasRole = ({ roles }: JWTPayload & { readonly roles?: unknown }): boolean =>
  Array.isArray(roles) && roles.includes('SMTP.SendAsApp');

/** Whether an app may come in its own name: by the permission in its token, or by a role assignment in Exchange. */
function judgeApp(
  tenant: Tenant,
  mailbox: Mailbox,
  app: AppRegistration,
  oid: string,
  role: boolean,
): Refused | undefined {
  const assignment = tenant.roleAssignments.find(({ objectId }) => objectId === oid);
  if (!role && assignment === undefined) {
    return refused('the token has no role SMTP.SendAsApp: permission not added, or no admin consent');
  }
  if (!role && !assignment?.scope.some((address) => hasAddress(mailbox, address))) {
    return refused(`the mailbox ${mailbox.address} is not in the scope of the app's role assignment`);
  }
  const principal = tenant.servicePrincipals.find(({ clientId }) => clientId === app.clientId);
  if (principal === undefined) return refused(`Exchange has no service principal for app ${app.clientId}`);
  if (principal.objectId !== oid) {
    return refused(`Exchange's service principal has object id ${principal.objectId}, the token's oid is ${oid}`);
  }
  return undefined;
}

/** Whether a user may open the mailbox: their own, or one they have FullAccess to. */
function judgeUser(
  { name }: Tenant,
  mailbox: Mailbox,
  oid: string,
  upn: string | undefined,
  scp: unknown,
): Refused | undefined {
  if (upn === undefined) return refused(`tenant ${name} has no user with object id ${oid}`);
  if (typeof scp !== 'string' || !scp.split(' ').includes('SMTP.Send')) {
    return refused('the token has no scope SMTP.Send');
  }
  if (hasAddress(mailbox, upn) || mailbox.fullAccess.includes(oid)) return undefined;
  return refused(`the token is ${upn}'s, who has no FullAccess to ${mailbox.address}: signed in as the wrong account?`);
}

/** What Exchange finds out only once it has the message. `sender` is the address that was not allowed. */
export type SubmissionVerdict = 'allowed' | 'no mailbox rights' | { readonly sender: string };

/** Whether `identity` may submit a message with these envelope and header senders. */
export function judgeSubmission(
  directory: Directory,
  identity: Identity,
  senders: readonly string[],
): SubmissionVerdict {
  const tenant = findTenant(directory, identity.tenantId);
  const mailbox = tenant && findMailbox(tenant, identity.mailbox);
  if (tenant === undefined || mailbox === undefined || !mayOpen(mailbox, identity)) return 'no mailbox rights';
  const denied = senders.find(
    (address) =>
      address !== '' &&
      !hasAddress(mailbox, address) &&
      !findMailbox(tenant, address)?.sendAs.includes(identity.objectId),
  );
  return denied === undefined ? 'allowed' : { sender: denied };
}

function mayOpen(mailbox: Mailbox, { user, objectId, needsMailboxRights }: Identity): boolean {
  if (user !== undefined && hasAddress(mailbox, user)) return mailbox.licensed;
  return mailbox.licensed && (!needsMailboxRights || mailbox.fullAccess.includes(objectId));
}
