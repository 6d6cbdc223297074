// What an administrator does for High Volume Email.
import { ApiError } from '../api.ts';
import type { HveAccount } from '../directory.ts';
import { newUser } from '../create-directory.ts';
import { type AdminCall, type AdminCommands, found, same } from './command.ts';

const accountOf = (call: AdminCall): HveAccount => {
  const identity = call.text('Identity');
  return found(
    call.tenant.hveAccounts.find(({ address }) => same(address, identity)),
    identity,
  );
};

function editAccount(call: AdminCall, change: (account: HveAccount) => Partial<HveAccount>): object {
  const { address } = accountOf(call);
  call.edit(({ hveAccounts }) => ({
    hveAccounts: hveAccounts.map((one) => (one.address === address ? { ...one, ...change(one) } : one)),
  }));
  return accountView(accountOf(call));
}

const accountView = ({ address, allowedApps, billing }: HveAccount): object => ({
  PrimarySmtpAddress: address,
  AllowedApps: allowedApps,
  BillingStatus: billing,
});

const BILLING = [
  'BillingPolicyValid',
  'NoProperBillingPolicyStored',
  'BillingPolicyNotFound',
  'NoConnectedBillingPolicyFound',
  'SubscriptionIsNotActive',
  'NoSPOLicenseFound',
] as const satisfies readonly HveAccount['billing'][];

export const HVE_COMMANDS: AdminCommands = {
  'New-MailUser': {
    says: 'Makes a High Volume Email account, with a user and without a billing policy.',
    parameters: { PrimarySmtpAddress: 'text', HVEAccount: 'boolean' },
    run: (call) => {
      if (!call.flag('HVEAccount')) throw new ApiError(400, 'HVEAccount: the sandbox knows no other mail users');
      const address = call.text('PrimarySmtpAddress');
      const { hveAccounts, users } = call.tenant;
      if (hveAccounts.some((one) => same(one.address, address)) || users.some(({ upn }) => same(upn, address))) {
        throw new ApiError(409, `The proxy address "SMTP:${address}" is taken.`);
      }
      const account: HveAccount = { address, allowedApps: [], billing: 'NoProperBillingPolicyStored' };
      call.edit((tenant) => ({
        hveAccounts: [...tenant.hveAccounts, account],
        users: [...tenant.users, newUser(address)],
      }));
      return accountView(account);
    },
  },
  'Get-HVEAccountSettings': {
    says: 'Tells the allowed applications and the billing status of a High Volume Email account.',
    parameters: { Identity: 'text' },
    run: (call) => accountView(accountOf(call)),
  },
  'Add-HVEAppAccess': {
    says: 'Allows apps to use a High Volume Email account, by the object ids of their enterprise applications.',
    parameters: { Identity: 'text', AppIds: 'texts' },
    run: (call) => {
      const ids = call.texts('AppIds');
      return editAccount(call, ({ allowedApps }) => ({ allowedApps: [...new Set([...allowedApps, ...ids])] }));
    },
  },
  'Remove-HVEAppAccess': {
    says: 'Takes apps off the list; an empty list allows every app.',
    parameters: { Identity: 'text', AppIds: 'texts' },
    run: (call) => {
      const ids = call.texts('AppIds');
      return editAccount(call, ({ allowedApps }) => ({ allowedApps: allowedApps.filter((id) => !ids.includes(id)) }));
    },
  },
  'Set-HVEAccountBillingPolicy': {
    says: 'Sets what Get-HVEAccountBillingPolicy tells; only BillingPolicyValid lets mail through.',
    parameters: { Identity: 'text', Status: 'text' },
    run: (call) => editAccount(call, () => ({ billing: call.word('Status', BILLING) })),
  },
};
