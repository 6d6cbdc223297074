// The checks of checkClaims(), one function each. They read claims only; whether the token is genuine nobody here can tell.
import type { ClaimCheck, ClaimFinding, ClaimOptions, Claims } from './claims.ts';
import type { AuthorizationModel } from './entry.ts';
import { discreet, isGuid, tidy } from './text.ts';

type Outcome = Omit<ClaimFinding, 'check'>;
type Look = (claims: Claims, options: ClaimOptions) => Outcome;

const MINUTE = 60_000;
const EXCHANGE = 'https://outlook.office365.com';
const OUTLOOK = 'https://outlook.office.com';
/** Exchange Online by its application id: what version 2 tokens have as audience. */
const EXCHANGE_ID = '00000002-0000-0ff1-ce00-000000000000';
const GRAPH: readonly string[] = ['https://graph.microsoft.com', '00000003-0000-0000-c000-000000000000'];
const PERSONAL_TENANT = '9188040d-6c67-4c5b-b112-36a304b66dad';
const OTHER_CLOUDS = ['https://outlook.office365.us', 'https://partner.outlook.cn'];

const AUDIENCES: Readonly<Record<AuthorizationModel, readonly string[]>> = {
  'app-permission': [EXCHANGE, EXCHANGE_ID, ...OTHER_CLOUDS],
  'app-rbac': [EXCHANGE, EXCHANGE_ID, ...OTHER_CLOUDS],
  hve: [OUTLOOK, EXCHANGE_ID],
  delegated: [OUTLOOK, EXCHANGE, EXCHANGE_ID, ...OTHER_CLOUDS],
};

const audience: Look = (claims, { model, audiences = [] }) => {
  const aud = textOf(claims, 'aud')?.replace(/\/$/, '').toLowerCase();
  if (aud === undefined) return failed('The token names no audience (aud).');
  const accepted = [...AUDIENCES[model], ...audiences].map((each) => each.replace(/\/$/, '').toLowerCase());
  if (accepted.includes(aud)) return ok(`The audience is ${show(aud)}.`);
  if (GRAPH.includes(aud)) {
    return failed(`The token is for Microsoft Graph, not for Exchange. Ask for the scope ${scopeFor(model)}.`);
  }
  if (aud === EXCHANGE || aud === OUTLOOK) {
    return warning(`The audience is ${show(aud)}; ${accepted[0]} is what Microsoft documents here.`);
  }
  return failed(`The audience is ${show(aud)}, not ${accepted[0]}. Ask for the scope ${scopeFor(model)}.`);
};

const tenant: Look = (claims, { model, tenantId }) => {
  const tid = textOf(claims, 'tid');
  if (tid === undefined) return skipped('The token names no tenant (tid).');
  if (tid.toLowerCase() === PERSONAL_TENANT) {
    return model === 'delegated'
      ? ok('The token is of a personal account.')
      : failed('The token is from the tenant of personal accounts, where applications have no mailboxes.');
  }
  if (tenantId === undefined || !isGuid(tenantId)) {
    return skipped(`The token is from tenant ${show(tid)}; the account names no tenant id to compare it with.`);
  }
  if (tid.toLowerCase() === tenantId.toLowerCase()) return ok(`The tenant is ${show(tid)}.`);
  return failed(
    `The token is from tenant ${show(tid)}, the account's is ${show(tenantId)}. It must come from the mailbox's tenant, wherever the application is registered.`,
  );
};

const application: Look = (claims, { clientId }) => {
  const id = textOf(claims, 'appid') ?? textOf(claims, 'azp');
  if (id === undefined) return skipped('The token names no application (appid, azp).');
  if (clientId === undefined) return skipped(`The token was made for application ${show(id)}.`);
  if (id.toLowerCase() === clientId.toLowerCase()) return ok(`The application is ${show(id)}.`);
  return failed(`The token was made for application ${show(id)}, not for ${show(clientId)}.`);
};

const roles: Look = (claims, { model }) => {
  const list = listOf(claims, 'roles');
  const seen = list.length === 0 ? 'none' : show(list.join(', '));
  if (model === 'app-permission') {
    if (list.includes('SMTP.SendAsApp')) return ok('The token has the role SMTP.SendAsApp.');
    return failed(
      `The token lacks the role SMTP.SendAsApp (it has ${seen}): the permission is missing, or admin consent to it. With App RBAC this is as it should be: then choose that model.`,
    );
  }
  if (model === 'app-rbac') {
    if (!list.includes('SMTP.SendAsApp')) return ok('The token lacks SMTP.SendAsApp, as it should with App RBAC.');
    return warning(
      'The token has the role SMTP.SendAsApp, so Exchange asks for a right on the mailbox as well. With App RBAC remove the permission and its consent in Entra.',
    );
  }
  if (model === 'hve') {
    if (list.includes('Mail.Send')) return ok('The token has the role Mail.Send.');
    if (textOf(claims, 'scp') !== undefined) return skipped('The token is of a user; its scopes count.');
    return failed(
      `The token lacks the role Mail.Send (it has ${seen}): add Mail.Send of Office 365 Exchange Online, not of Microsoft Graph, and consent to it.`,
    );
  }
  if (list.includes('SMTP.SendAsApp'))
    return warning('The token has the role of an application, not the scope of a user.');
  return ok('The token has no role of an application.');
};

const scopes: Look = (claims, { model }) => {
  const scp = textOf(claims, 'scp');
  const list = scp?.split(' ') ?? [];
  if (model === 'delegated') {
    if (list.includes('SMTP.Send')) return ok('The token has the scope SMTP.Send.');
    return failed(`The token lacks the scope SMTP.Send (it has ${scp === undefined ? 'none' : show(scp)}).`);
  }
  if (model === 'hve') {
    if (scp === undefined) return ok('The token is of an application and has no scope.');
    if (list.includes('Mail.Send')) return ok('The token has the scope Mail.Send.');
    return failed(`The token lacks the scope Mail.Send (it has ${show(scp)}).`);
  }
  if (scp === undefined) return ok('The token is of an application and has no scope.');
  return failed(`The token is of a user (scp: ${show(scp)}). An application gets one by client credentials.`);
};

const kind: Look = (claims, { model }) => {
  const idtyp = textOf(claims, 'idtyp');
  if (idtyp === undefined) return skipped('The token does not say whether it is of a user or an application (idtyp).');
  if (model === 'hve') return ok(`The token is of kind ${show(idtyp)}.`);
  const wanted = model === 'delegated' ? 'user' : 'app';
  if (idtyp === wanted) return ok(`The token is of kind ${wanted}.`);
  return failed(`The token is of kind ${show(idtyp)}, and this account needs ${wanted}.`);
};

const user: Look = (claims, { model, user: mailbox }) => {
  if (model !== 'delegated') return skipped('A token of an application names no user.');
  const isPersonal = textOf(claims, 'tid')?.toLowerCase() === PERSONAL_TENANT;
  const names = isPersonal ? ['preferred_username', 'email'] : ['upn', 'preferred_username', 'unique_name'];
  const name = names.map((claim) => textOf(claims, claim)).find((value) => value !== undefined);
  if (name === undefined) return skipped('The token does not say who signed in.');
  if (mailbox === undefined) return skipped(`The person signed in is ${tidy(name, 320)}.`);
  if (name.toLowerCase() === mailbox.toLowerCase())
    return ok(`The person signed in is ${tidy(name, 320)}, the mailbox itself.`);
  return warning(
    `The person signed in is ${tidy(name, 320)}, but the mailbox is ${tidy(mailbox, 320)}. Right if that is a shared mailbox this person may use; otherwise the wrong account was chosen at sign-in.`,
  );
};

const lifetime: Look = (claims, { model, now, margin = (model === 'hve' ? 20 : 10) * MINUTE }) => {
  const exp = numberOf(claims, 'exp');
  if (exp === undefined) return warning('The token does not say when it ends (exp).');
  const left = exp * 1000 - now;
  if (left <= 0) return failed(`The token ended ${minutes(-left)} ago, by the clock of this machine.`);
  if (left > margin) return ok(`The token is good for another ${minutes(left)}.`);
  const why = model === 'hve' ? 'High Volume Email refuses tokens close to their end' : 'it may end on the way';
  return warning(
    `The token is good for only ${minutes(left)} more: ${why}. Replace it ${minutes(margin)} before its end.`,
  );
};

const clock: Look = (claims, { now, clockSkew = 0 }) => {
  const nbf = numberOf(claims, 'nbf');
  const behind = Math.max(clockSkew, nbf === undefined ? 0 : nbf * 1000 - now);
  if (behind > MINUTE) return warning(`The clock of this machine is at least ${minutes(behind)} behind.`);
  if (clockSkew < -MINUTE) return warning(`The clock of this machine is ${minutes(-clockSkew)} ahead.`);
  return nbf === undefined && clockSkew === 0
    ? skipped('Nothing to tell the clock by.')
    : ok('The clock of this machine agrees with the token.');
};

const credential: Look = (claims, { model }) => {
  const value = textOf(claims, 'appidacr') ?? textOf(claims, 'azpacr');
  if (value === '1') return ok('The application used a client secret.');
  if (value === '2') return ok('The application used a certificate or federated credential.');
  if (value !== '0') return skipped('The token does not say which credential was used.');
  return model === 'delegated' || model === 'hve'
    ? ok('The application used no credential (public client).')
    : warning('The application used no credential, which a token of an application always has.');
};

const objectId: Look = (claims, { model }) => {
  const oid = textOf(claims, 'oid');
  if (oid === undefined || !isGuid(oid)) return skipped('The token names no object id (oid).');
  if (model === 'delegated') return ok(`The object id of the user is ${oid}.`);
  if (model === 'hve') {
    if (textOf(claims, 'scp') !== undefined) return ok(`The object id of the user is ${oid}.`);
    return {
      ...ok(`The object id of the enterprise application is ${oid}: the id to allow for the HVE account.`),
      command: `Add-HVEAppAccess -Identity <hve account> -AppIds '${oid}'`,
    };
  }
  const appId = textOf(claims, 'appid') ?? textOf(claims, 'azp') ?? '';
  return {
    ...ok(
      `The object id of the enterprise application is ${oid}: the one Exchange must know, not that of the app registration.`,
    ),
    command: `New-ServicePrincipal -AppId '${isGuid(appId) ? appId : '<client id>'}' -ObjectId '${oid}' -DisplayName 'SMTP OAuth'`,
  };
};

/** The checks in the order of the findings; whether there is a JWT at all was found out before. */
export const CLAIM_CHECKS: readonly { readonly check: ClaimCheck; readonly look: Look }[] = [
  { check: 'audience', look: audience },
  { check: 'tenant', look: tenant },
  { check: 'application', look: application },
  { check: 'roles', look: roles },
  { check: 'scopes', look: scopes },
  { check: 'kind', look: kind },
  { check: 'user', look: user },
  { check: 'lifetime', look: lifetime },
  { check: 'clock', look: clock },
  { check: 'credential', look: credential },
  { check: 'object-id', look: objectId },
];

function scopeFor(model: AuthorizationModel): string {
  if (model === 'delegated') return `${OUTLOOK}/SMTP.Send`;
  return `${model === 'hve' ? OUTLOOK : EXCHANGE}/.default`;
}

function minutes(milliseconds: number): string {
  const count = Math.max(1, Math.round(milliseconds / MINUTE));
  return count === 1 ? '1 minute' : `${count} minutes`;
}

function show(text: string): string {
  return discreet(tidy(text, 200));
}

function textOf(claims: Claims, name: string): string | undefined {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function numberOf(claims: Claims, name: string): number | undefined {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function listOf(claims: Claims, name: string): readonly string[] {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function ok(text: string): Outcome {
  return { result: 'ok', text };
}

function warning(text: string): Outcome {
  return { result: 'warning', text };
}

function failed(text: string): Outcome {
  return { result: 'failed', text };
}

function skipped(text: string): Outcome {
  return { result: 'skipped', text };
}
