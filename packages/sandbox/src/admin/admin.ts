// The administrator's side: commands with the names and the effects of the cmdlets that setup scripts use.
import { ApiError, type JsonObject } from '../api.ts';
import { findTenant, type Mailbox, type Tenant } from '../directory.ts';
import {
  AdminCall,
  type AdminCommand,
  type AdminCommands,
  type AdminSource,
  checkParameters,
  found,
} from './command.ts';
import { ENTRA_COMMANDS } from './entra-commands.ts';
import { EXCHANGE_COMMANDS } from './exchange-commands.ts';
import { HVE_COMMANDS } from './hve-commands.ts';

export const ADMIN_COMMANDS: AdminCommands = { ...EXCHANGE_COMMANDS, ...HVE_COMMANDS, ...ENTRA_COMMANDS };

/**
 * Does what the command of this name does. `Tenant` (id or domain) beside its parameters: not the first tenant.
 * @returns what it is like afterwards, without secrets; `undefined` where there is nothing to tell
 * @throws Error for a command, a parameter or an object there is none of
 */
export function runAdmin(source: AdminSource, name: string, { Tenant: where, ...parameters }: JsonObject): unknown {
  const command = commandOf(name);
  checkParameters(command.parameters, parameters);
  if (where !== undefined && typeof where !== 'string') throw new ApiError(400, 'Tenant: expected a text');
  const { current } = source.directory;
  const tenant = found(where === undefined ? current.tenants[0] : findTenant(current, where), String(where));
  return command.run(new AdminCall(source, tenant.id, parameters));
}

function commandOf(name: string): AdminCommand {
  const known = Object.keys(ADMIN_COMMANDS).find((one) => one.toLowerCase() === name.toLowerCase());
  const command = known === undefined ? undefined : ADMIN_COMMANDS[known];
  if (command !== undefined) return command;
  throw new ApiError(404, `The term '${name}' is not recognized as the name of a command of the sandbox.`);
}

/** The whole directory, without secrets and passwords. */
export const directoryView = ({ directory: { current } }: AdminSource): object => ({
  tenants: current.tenants.map(tenantView),
  apps: current.apps.map(({ secrets, certificates, ...app }) => ({
    ...app,
    secrets: secrets.map(({ id, expiresAt }) => ({ id, expiresAt: new Date(expiresAt).toISOString() })),
    certificates: certificates.length,
  })),
});

const tenantView = ({ users, mailboxes, ...tenant }: Tenant): object => ({
  ...tenant,
  users: users.map(({ password: _password, ...user }) => user),
  mailboxes: mailboxes.map(({ quota, ...mailbox }: Mailbox) => ({
    ...mailbox,
    quota: quota === Infinity ? null : quota,
  })),
});
