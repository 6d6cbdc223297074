// What an Exchange administrator does: the switches of SMTP AUTH, service principals, rights to mailboxes, App RBAC.
import { ApiError } from '../api.ts';
import { findMailbox, hasAddress, type Mailbox, type ServicePrincipal, type Tenant } from '../directory.ts';
import { type AdminCall, type AdminCommands, found, same } from './command.ts';

const mailboxOf = (call: AdminCall, parameter = 'Identity'): Mailbox =>
  found(findMailbox(call.tenant, call.text(parameter)), call.text(parameter));

function editMailbox(call: AdminCall, change: (mailbox: Mailbox) => Partial<Mailbox>): Mailbox {
  const { address } = mailboxOf(call);
  call.edit(({ mailboxes }) => ({
    mailboxes: mailboxes.map((one) => (one.address === address ? { ...one, ...change(one) } : one)),
  }));
  return mailboxOf(call);
}

/** As Exchange resolves `-User` and `-Trustee`: what it has a service principal for, or a user. */
function trusteeOf({ tenant }: AdminCall, name: string): string {
  const principal = tenant.servicePrincipals.find(
    ({ objectId, clientId }) => same(objectId, name) || same(clientId, name),
  );
  const user = tenant.users.find(({ objectId, upn }) => same(objectId, name) || same(upn, name));
  return found(principal ?? user, name).objectId;
}

const nameOf = ({ servicePrincipals, users }: Tenant, objectId: string): string =>
  users.find((user) => user.objectId === objectId)?.upn ??
  servicePrincipals.find((principal) => principal.objectId === objectId)?.clientId ??
  objectId;

const withTrustee = (list: readonly string[], objectId: string): string[] => [...new Set([...list, objectId])];
const without = (list: readonly string[], objectId: string): string[] => list.filter((one) => one !== objectId);

const casView = ({ address, smtpAuth }: Mailbox): object => ({
  PrimarySmtpAddress: address,
  SmtpClientAuthenticationDisabled: smtpAuth === undefined ? null : !smtpAuth,
});
const mailboxView = ({ address, aliases, licensed, locked, quota }: Mailbox): object => ({
  PrimarySmtpAddress: address,
  EmailAddresses: [address, ...aliases],
  Licensed: licensed,
  AccountDisabled: locked,
  ProhibitSendQuota: quota === Infinity ? null : quota,
});
const principalView = ({ clientId, objectId }: ServicePrincipal): object => ({ AppId: clientId, ObjectId: objectId });
const fullAccessView = (tenant: Tenant, { fullAccess }: Mailbox): object[] =>
  fullAccess.map((id) => ({ User: nameOf(tenant, id), ObjectId: id, AccessRights: ['FullAccess'] }));
const sendAsView = (tenant: Tenant, { sendAs }: Mailbox): object[] =>
  sendAs.map((id) => ({ Trustee: nameOf(tenant, id), ObjectId: id, AccessRights: ['SendAs'] }));

const ROLE = 'Application SMTP.SendAsApp';
const assignmentView = ({ roleAssignments }: Tenant): object[] =>
  roleAssignments.map(({ objectId, scope }) => ({ App: objectId, Role: ROLE, CustomResourceScope: scope }));

export const EXCHANGE_COMMANDS: AdminCommands = {
  'Get-TransportConfig': {
    says: 'Tells whether SMTP AUTH is off for the tenant.',
    parameters: {},
    run: ({ tenant }) => ({ SmtpClientAuthenticationDisabled: !tenant.smtpAuth }),
  },
  'Set-TransportConfig': {
    says: 'Turns SMTP AUTH off or on for mailboxes that do not say otherwise.',
    parameters: { SmtpClientAuthenticationDisabled: 'boolean' },
    run: (call) => {
      call.edit(() => ({ smtpAuth: !call.flag('SmtpClientAuthenticationDisabled') }));
      return { SmtpClientAuthenticationDisabled: !call.tenant.smtpAuth };
    },
  },
  'Get-CASMailbox': {
    says: "Tells a mailbox's own SMTP AUTH switch; null leaves it to the tenant.",
    parameters: { Identity: 'text' },
    run: (call) => casView(mailboxOf(call)),
  },
  'Set-CASMailbox': {
    says: "Sets a mailbox's own SMTP AUTH switch.",
    parameters: { Identity: 'text', SmtpClientAuthenticationDisabled: 'boolean or null' },
    run: (call) => {
      const disabled = call.nullableFlag('SmtpClientAuthenticationDisabled');
      return casView(editMailbox(call, () => ({ smtpAuth: disabled === undefined ? undefined : !disabled })));
    },
  },
  'Get-OrganizationConfig': {
    says: 'Tells whether mail from an alias keeps it as its sender.',
    parameters: {},
    run: ({ tenant }) => ({ SendFromAliasEnabled: tenant.sendFromAlias }),
  },
  'Set-OrganizationConfig': {
    says: 'Lets mail from an alias keep it as its sender, or not.',
    parameters: { SendFromAliasEnabled: 'boolean' },
    run: (call) => {
      call.edit(() => ({ sendFromAlias: call.flag('SendFromAliasEnabled') }));
      return { SendFromAliasEnabled: call.tenant.sendFromAlias };
    },
  },

  'Get-Mailbox': {
    says: 'Tells about one mailbox, or all.',
    parameters: { Identity: 'text?' },
    run: (call) =>
      call.maybeText('Identity') === undefined ? call.tenant.mailboxes.map(mailboxView) : mailboxView(mailboxOf(call)),
  },
  'New-Mailbox': {
    says: 'Makes a mailbox nobody has rights to.',
    parameters: { PrimarySmtpAddress: 'text' },
    run: (call) => {
      const address = call.text('PrimarySmtpAddress');
      if (findMailbox(call.tenant, address)) throw new ApiError(409, `The proxy address "SMTP:${address}" is taken.`);
      const common = { licensed: true, locked: false, quota: Infinity, smtpAuth: undefined };
      const mailbox = { address, aliases: [], ...common, fullAccess: [], sendAs: [] };
      call.edit(({ mailboxes }) => ({ mailboxes: [...mailboxes, mailbox] }));
      return mailboxView(mailbox);
    },
  },
  'Set-Mailbox': {
    says: 'Locks or unlocks a mailbox, sets its quota in bytes and its aliases.',
    parameters: {
      Identity: 'text',
      AccountDisabled: 'boolean?',
      ProhibitSendQuota: 'number?',
      EmailAddresses: 'texts?',
    },
    run: (call) =>
      mailboxView(
        editMailbox(call, (mailbox) => ({
          locked: call.maybeFlag('AccountDisabled') ?? mailbox.locked,
          quota: call.maybeNumber('ProhibitSendQuota') ?? mailbox.quota,
          aliases: call.maybeTexts('EmailAddresses')?.filter((one) => !same(one, mailbox.address)) ?? mailbox.aliases,
        })),
      ),
  },
  'Remove-Mailbox': {
    says: 'Removes a mailbox.',
    parameters: { Identity: 'text' },
    run: (call) => {
      const { address } = mailboxOf(call);
      call.edit(({ mailboxes }) => ({ mailboxes: mailboxes.filter((one) => one.address !== address) }));
    },
  },

  'Get-ServicePrincipal': {
    says: 'Lists the service principals of Exchange. As the real one: all of them where Identity is none of them.',
    parameters: { Identity: 'text?' },
    run: (call) => {
      const all = call.tenant.servicePrincipals;
      const name = call.maybeText('Identity') ?? '';
      const one = all.filter(({ clientId, objectId }) => same(clientId, name) || same(objectId, name));
      return (one.length > 0 ? one : all).map(principalView);
    },
  },
  'New-ServicePrincipal': {
    says: 'Makes Exchange know an app. Any object id is taken, also a wrong one.',
    parameters: { AppId: 'text', ObjectId: 'text', DisplayName: 'text?' },
    run: (call) => {
      const made = { clientId: call.text('AppId'), objectId: call.text('ObjectId') };
      if (call.tenant.servicePrincipals.some(({ clientId }) => same(clientId, made.clientId))) {
        throw new ApiError(409, `Exchange has a service principal for the app ${made.clientId} already.`);
      }
      call.edit(({ servicePrincipals }) => ({ servicePrincipals: [...servicePrincipals, made] }));
      return principalView(made);
    },
  },
  'Remove-ServicePrincipal': {
    says: 'Makes Exchange forget an app, by its app id or its object id.',
    parameters: { Identity: 'text' },
    run: (call) => {
      const gone = trusteeOf(call, call.text('Identity'));
      call.edit(({ servicePrincipals, mailboxes }) => ({
        servicePrincipals: servicePrincipals.filter(({ objectId }) => objectId !== gone),
        mailboxes: mailboxes.map((one) => ({
          ...one,
          fullAccess: without(one.fullAccess, gone),
          sendAs: without(one.sendAs, gone),
        })),
      }));
    },
  },
  'Get-MailboxPermission': {
    says: 'Lists who has FullAccess to a mailbox.',
    parameters: { Identity: 'text' },
    run: (call) => fullAccessView(call.tenant, mailboxOf(call)),
  },
  'Add-MailboxPermission': {
    says: 'Grants FullAccess to a mailbox.',
    parameters: { Identity: 'text', User: 'text', AccessRights: 'text' },
    run: (call) => {
      call.word('AccessRights', ['FullAccess']);
      const user = trusteeOf(call, call.text('User'));
      const mailbox = editMailbox(call, ({ fullAccess }) => ({ fullAccess: withTrustee(fullAccess, user) }));
      return fullAccessView(call.tenant, mailbox);
    },
  },
  'Remove-MailboxPermission': {
    says: 'Takes FullAccess to a mailbox away.',
    parameters: { Identity: 'text', User: 'text', AccessRights: 'text' },
    run: (call) => {
      call.word('AccessRights', ['FullAccess']);
      const user = trusteeOf(call, call.text('User'));
      const mailbox = editMailbox(call, ({ fullAccess }) => ({ fullAccess: without(fullAccess, user) }));
      return fullAccessView(call.tenant, mailbox);
    },
  },
  'Get-RecipientPermission': {
    says: 'Lists who may send as a mailbox.',
    parameters: { Identity: 'text' },
    run: (call) => sendAsView(call.tenant, mailboxOf(call)),
  },
  'Add-RecipientPermission': {
    says: 'Grants SendAs for a mailbox.',
    parameters: { Identity: 'text', Trustee: 'text', AccessRights: 'text' },
    run: (call) => {
      call.word('AccessRights', ['SendAs']);
      const trustee = trusteeOf(call, call.text('Trustee'));
      return sendAsView(
        call.tenant,
        editMailbox(call, ({ sendAs }) => ({ sendAs: withTrustee(sendAs, trustee) })),
      );
    },
  },
  'Remove-RecipientPermission': {
    says: 'Takes SendAs for a mailbox away.',
    parameters: { Identity: 'text', Trustee: 'text', AccessRights: 'text' },
    run: (call) => {
      call.word('AccessRights', ['SendAs']);
      const trustee = trusteeOf(call, call.text('Trustee'));
      return sendAsView(
        call.tenant,
        editMailbox(call, ({ sendAs }) => ({ sendAs: without(sendAs, trustee) })),
      );
    },
  },

  'Get-ManagementRoleAssignment': {
    says: 'Lists the App RBAC assignments.',
    parameters: {},
    run: ({ tenant }) => assignmentView(tenant),
  },
  'New-ManagementRoleAssignment': {
    says: 'App RBAC: assigns the role to an app, for the mailboxes of a scope (here: their addresses).',
    parameters: { App: 'text', Role: 'text', CustomResourceScope: 'texts' },
    run: (call) => {
      call.word('Role', [ROLE]);
      const assignment = { objectId: trusteeOf(call, call.text('App')), scope: call.texts('CustomResourceScope') };
      call.edit(({ roleAssignments }) => ({
        roleAssignments: [...roleAssignments.filter(({ objectId }) => objectId !== assignment.objectId), assignment],
      }));
      return assignmentView(call.tenant);
    },
  },
  'Remove-ManagementRoleAssignment': {
    says: 'App RBAC: takes the role away from an app.',
    parameters: { App: 'text' },
    run: (call) => {
      const app = trusteeOf(call, call.text('App'));
      call.edit(({ roleAssignments }) => ({ roleAssignments: roleAssignments.filter((one) => one.objectId !== app) }));
    },
  },
  'Test-ServicePrincipalAuthorization': {
    says: 'App RBAC: tells whether a mailbox is in the scope of an app.',
    parameters: { Identity: 'text', Resource: 'text' },
    run: (call) => {
      const app = trusteeOf(call, call.text('Identity'));
      const mailbox = mailboxOf(call, 'Resource');
      return call.tenant.roleAssignments
        .filter(({ objectId }) => objectId === app)
        .map(({ scope }) => ({ RoleName: ROLE, InScope: scope.some((address) => hasAddress(mailbox, address)) }));
    },
  },
};
