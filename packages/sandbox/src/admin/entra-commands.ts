// What an administrator of Entra ID does: apps, their secrets and permissions, consent, users, policies.
import { randomUUID } from 'node:crypto';
import { ApiError } from '../api.ts';
import {
  type AppRegistration,
  type ConditionalAccess,
  editApp,
  editEnterpriseApp,
  editUser,
  type EnterpriseApp,
  findApp,
  findEnterpriseApp,
  findMailbox,
  type User,
} from '../directory.ts';
import { EXCHANGE_APP_ID } from '../entra/scope.ts';
import { withEnterpriseApp } from '../entra/user.ts';
import { type AdminCall, type AdminCommands, found, same } from './command.ts';

const appOf = (call: AdminCall): AppRegistration =>
  found(findApp(call.source.directory.current, call.text('AppId')), call.text('AppId'));

const enterpriseOf = (call: AdminCall): EnterpriseApp =>
  found(findEnterpriseApp(call.tenant, call.text('AppId')), call.text('AppId'));

const userOf = (call: AdminCall): User => {
  const id = call.text('UserId');
  return found(
    call.tenant.users.find(({ upn, objectId }) => same(upn, id) || same(objectId, id)),
    id,
  );
};

function changeApp(call: AdminCall, change: (app: AppRegistration) => Partial<AppRegistration>): object {
  const { clientId } = appOf(call);
  call.source.directory.update((all) => editApp(all, clientId, (app) => ({ ...app, ...change(app) })));
  return appView(appOf(call));
}

function changeEnterprise(call: AdminCall, change: (app: EnterpriseApp) => Partial<EnterpriseApp>): object {
  const { clientId } = enterpriseOf(call);
  const { id } = call.tenant;
  call.source.directory.update((all) => editEnterpriseApp(all, id, clientId, (app) => ({ ...app, ...change(app) })));
  return enterpriseView(enterpriseOf(call));
}

const appView = (app: AppRegistration): object => ({
  AppId: app.clientId,
  DisplayName: app.name,
  SignInAudience: app.multiTenant ? 'AzureADMultipleOrgs' : 'AzureADMyOrg',
  IsFallbackPublicClient: app.publicClient,
  RedirectUris: app.redirectUris,
  AppRoles: app.permissions.roles,
  Scopes: app.permissions.scopes,
  PasswordCredentials: app.secrets.map(({ id, expiresAt }) => ({
    KeyId: id,
    EndDateTime: new Date(expiresAt).toISOString(),
  })),
});

const enterpriseView = ({ clientId, objectId, enabled, roles, scopes }: EnterpriseApp): object => ({
  AppId: clientId,
  Id: objectId,
  AccountEnabled: enabled,
  AppRoleAssignments: roles,
  Oauth2PermissionGrants: scopes,
});

const added = (list: readonly string[], more: readonly string[]): string[] => [...new Set([...list, ...more])];
const words = (text: string): string[] => text.split(/\s+/).filter(Boolean);

const YEAR = 365 * 86_400_000;
const AUDIENCES = ['AzureADMyOrg', 'AzureADMultipleOrgs'] as const;

export const ENTRA_COMMANDS: AdminCommands = {
  'Get-MgApplication': {
    says: 'Tells about an app registration; of its secrets the ids and the ends.',
    parameters: { AppId: 'text' },
    run: (call) => appView(appOf(call)),
  },
  'Update-MgApplication': {
    says: 'Changes an app registration: who may use it, where it may send people, what it asks for.',
    parameters: {
      AppId: 'text',
      SignInAudience: 'text?',
      IsFallbackPublicClient: 'boolean?',
      RedirectUris: 'texts?',
      AppRoles: 'texts?',
      Scopes: 'texts?',
    },
    run: (call) => {
      const audience = call.maybeText('SignInAudience') && call.word('SignInAudience', AUDIENCES);
      return changeApp(call, (app) => ({
        multiTenant: audience === undefined ? app.multiTenant : audience === 'AzureADMultipleOrgs',
        publicClient: call.maybeFlag('IsFallbackPublicClient') ?? app.publicClient,
        redirectUris: call.maybeTexts('RedirectUris') ?? app.redirectUris,
        permissions: {
          roles: call.maybeTexts('AppRoles') ?? app.permissions.roles,
          scopes: call.maybeTexts('Scopes') ?? app.permissions.scopes,
        },
      }));
    },
  },
  'Add-MgApplicationPassword': {
    says: 'Adds a secret. It is given, not made: what this API says holds no secrets.',
    parameters: { AppId: 'text', SecretText: 'text', EndDateTime: 'text?' },
    run: (call) => {
      const end = call.maybeText('EndDateTime');
      const expiresAt = end === undefined ? call.source.now() + 2 * YEAR : Date.parse(end);
      if (Number.isNaN(expiresAt)) throw new ApiError(400, 'EndDateTime: expected a time such as 2027-01-31T00:00:00Z');
      const secret = { id: randomUUID(), value: call.text('SecretText'), expiresAt };
      return changeApp(call, ({ secrets }) => ({ secrets: [...secrets, secret] }));
    },
  },
  'Remove-MgApplicationPassword': {
    says: 'Removes a secret by its id.',
    parameters: { AppId: 'text', KeyId: 'text' },
    run: (call) => {
      const id = call.text('KeyId');
      found(
        appOf(call).secrets.find((secret) => secret.id === id),
        id,
      );
      return changeApp(call, ({ secrets }) => ({ secrets: secrets.filter((secret) => secret.id !== id) }));
    },
  },
  'Get-MgServicePrincipal': {
    says: 'Tells about an enterprise application: Id is the object id New-ServicePrincipal wants.',
    parameters: { AppId: 'text' },
    run: (call) => enterpriseView(enterpriseOf(call)),
  },
  'New-MgServicePrincipal': {
    says: 'Makes an app known in the tenant. With the app id of Exchange Online: the tenant subscribes to it.',
    parameters: { AppId: 'text' },
    run: (call) => {
      if (same(call.text('AppId'), EXCHANGE_APP_ID)) return call.edit(() => ({ exchangeOnline: 'enabled' }));
      const app = appOf(call);
      call.source.directory.update((all) => withEnterpriseApp(all, call.tenant, app));
      return enterpriseView(enterpriseOf(call));
    },
  },
  'Update-MgServicePrincipal': {
    says: 'Enables or disables an app, or Exchange Online, in the tenant.',
    parameters: { AppId: 'text', AccountEnabled: 'boolean' },
    run: (call) => {
      const enabled = call.flag('AccountEnabled');
      if (same(call.text('AppId'), EXCHANGE_APP_ID)) {
        return call.edit(() => ({ exchangeOnline: enabled ? 'enabled' : 'disabled' }));
      }
      return changeEnterprise(call, () => ({ enabled }));
    },
  },
  'Remove-MgServicePrincipal': {
    says: 'Makes the tenant forget an app.',
    parameters: { AppId: 'text' },
    run: (call) => {
      const { objectId } = enterpriseOf(call);
      call.edit(({ enterpriseApps }) => ({
        enterpriseApps: enterpriseApps.filter((app) => app.objectId !== objectId),
      }));
    },
  },
  'New-MgServicePrincipalAppRoleAssignment': {
    says: 'Consents to an application permission, such as SMTP.SendAsApp.',
    parameters: { AppId: 'text', AppRole: 'text' },
    run: (call) => changeEnterprise(call, ({ roles }) => ({ roles: added(roles, [call.text('AppRole')]) })),
  },
  'Remove-MgServicePrincipalAppRoleAssignment': {
    says: 'Takes consent to an application permission back.',
    parameters: { AppId: 'text', AppRole: 'text' },
    run: (call) =>
      changeEnterprise(call, ({ roles }) => ({ roles: roles.filter((role) => role !== call.text('AppRole')) })),
  },
  'New-MgOauth2PermissionGrant': {
    says: 'Consents to delegated permissions for everyone, such as SMTP.Send.',
    parameters: { AppId: 'text', Scope: 'text' },
    run: (call) => changeEnterprise(call, ({ scopes }) => ({ scopes: added(scopes, words(call.text('Scope'))) })),
  },
  'Remove-MgOauth2PermissionGrant': {
    says: 'Takes consent to all delegated permissions back, that of users included.',
    parameters: { AppId: 'text' },
    run: (call) => changeEnterprise(call, () => ({ scopes: [], consents: [] })),
  },
  'Grant-AdminConsent': {
    says: 'Consents to all an app asks for, as the admin consent page and `az ad app permission admin-consent` do.',
    parameters: { AppId: 'text' },
    run: (call) => {
      const app = appOf(call);
      const { tenant } = call;
      if (!app.multiTenant && tenant.id !== app.homeTenantId) {
        throw new ApiError(409, `${app.name} is an app of its own tenant only (AzureADMyOrg)`);
      }
      call.source.directory.update((all) => withEnterpriseApp(all, tenant, app));
      return changeEnterprise(call, ({ roles, scopes }) => ({
        roles: added(roles, app.permissions.roles),
        scopes: added(scopes, app.permissions.scopes),
      }));
    },
  },

  'Update-MgUser': {
    says: 'Enables or disables a user, or changes the password, which ends sign-ins.',
    parameters: { UserId: 'text', AccountEnabled: 'boolean?', Password: 'text?' },
    run: (call) => {
      const user = userOf(call);
      const [enabled, password] = [call.maybeFlag('AccountEnabled'), call.maybeText('Password')];
      call.source.directory.update((all) =>
        editUser(all, user.upn, (now) => ({
          ...now,
          enabled: enabled ?? now.enabled,
          password: password ?? now.password,
        })),
      );
      return { UserPrincipalName: user.upn, AccountEnabled: enabled ?? user.enabled };
    },
  },
  'Revoke-MgUserSignInSession': {
    says: "Ends a user's sign-ins: refresh tokens are refused from now on.",
    parameters: { UserId: 'text' },
    run: (call) => call.source.entra.revokeSignIns(userOf(call).upn),
  },
  'Set-MgUserLicense': {
    says: "Gives a mailbox's user a licence or withdraws it; the rights others had go with it.",
    parameters: { UserId: 'text', Licensed: 'boolean' },
    run: (call) => {
      const { address } = found(findMailbox(call.tenant, call.text('UserId')), call.text('UserId'));
      const licensed = call.flag('Licensed');
      call.edit(({ mailboxes }) => ({
        mailboxes: mailboxes.map((one) => (one.address === address ? { ...one, licensed } : one)),
      }));
      return { UserPrincipalName: address, Licensed: licensed };
    },
  },
  'Set-ConditionalAccess': {
    says: 'Conditional Access for users (allow, mfa, compliant device, block) and for apps (allow, block).',
    parameters: { Users: 'text?', Apps: 'text?' },
    run: (call) => {
      const users = call.maybeText('Users') && call.word('Users', ['allow', 'mfa', 'compliant device', 'block']);
      const apps = call.maybeText('Apps') && call.word('Apps', ['allow', 'block']);
      call.edit(({ conditionalAccess: now }) => ({
        conditionalAccess: { ...now, ...(users && { users }), ...(apps && { apps }) },
      }));
      const { users: Users, apps: Apps }: ConditionalAccess = call.tenant.conditionalAccess;
      return { Users, Apps };
    },
  },
  'Set-SecurityDefaults': {
    says: 'Turns security defaults on or off.',
    parameters: { IsEnabled: 'boolean' },
    run: (call) => {
      call.edit(() => ({ securityDefaults: call.flag('IsEnabled') }));
      return { IsEnabled: call.tenant.securityDefaults };
    },
  },
  'Set-UserConsent': {
    says: 'Whether users may consent to apps themselves.',
    parameters: { Allowed: 'boolean' },
    run: (call) => {
      call.edit(() => ({ userConsent: call.flag('Allowed') }));
      return { Allowed: call.tenant.userConsent };
    },
  },
};
