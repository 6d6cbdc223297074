// Replies of High Volume Email (smtp.hve.mx.microsoft).

/** What High Volume Email says in codes of its own. */
export const HVE = [
  {
    id: 'hve-xoauth2-malformed',
    class: 'message',
    match: [{ status: ['5.5.121-126'] }],
    title: 'The XOAUTH2 login was not well-formed',
    cause: 'User, the word Bearer, the token or the base64 around them is missing or damaged; the code says which.',
    remedy:
      'Do not retry. Check the user name and that the token source returns the bare token; if both are right, report it as a bug of the client.',
    source: 'ms-hve',
    samples: ['501 5.5.121 Invalid XOAUTH2 argument', '501 5.5.126 Invalid XOAUTH2 argument'],
  },
  {
    id: 'hve-token-expires-soon',
    class: 'token',
    match: [{ status: ['5.7.142', '5.5.127'] }],
    title: 'The access token is too close to its end',
    cause: 'High Volume Email takes no token that would end during the session: seen up to 8½ minutes before its end.',
    remedy: 'Renew the token 20 minutes before its end for this account; the HVE preset does.',
    source: 'ms-hve',
    samples: ['535 5.7.142 Token will expire soon', '501 5.5.127 Token will expire soon'],
  },
  {
    id: 'hve-token-expired',
    class: 'token',
    match: [{ status: ['5.7.143'] }],
    title: 'The access token has expired',
    cause: 'The token was past its end when it was presented.',
    remedy: 'Get a new token. If this repeats, compare the clock of this machine with the time.',
    source: 'ms-hve',
    samples: ['535 5.7.143 Expired token'],
  },
  {
    id: 'hve-permission-missing',
    class: 'admin',
    match: [{ status: ['5.7.144'] }],
    title: 'The token lacks the permission for High Volume Email',
    cause:
      'The application needs Mail.Send of Office 365 Exchange Online, with admin consent; Mail.Send of Microsoft Graph does not count.',
    remedy:
      'Add that permission, grant consent, and ask for tokens with the scope https://outlook.office.com/.default.',
    portal:
      'Entra admin center > App registrations > API permissions > APIs my organization uses > Office 365 Exchange Online > Application permissions > Mail.Send',
    source: 'ms-hve',
    samples: ['535 5.7.144 XOAUTH2 authentication failed. Invalid API permissions.'],
  },
  {
    id: 'hve-app-not-allowed',
    class: 'admin',
    match: [{ status: ['5.7.240'] }],
    title: 'The HVE account does not allow this application',
    cause:
      'The account has a list of allowed applications, and this one is not on it or stands there with the wrong id.',
    remedy: "Add the object id of the enterprise application, which is the token's oid. It takes up to five minutes.",
    command: "Add-HVEAppAccess -Identity <hve account> -AppIds '<object id>'",
    source: 'ms-hve',
    samples: ['550 5.7.240 The application is not allowed for use with this High Volume Email account'],
  },
  {
    id: 'hve-not-an-hve-account',
    class: 'admin',
    match: [{ status: ['5.2.240'] }],
    title: 'The user of this login is not an HVE account',
    cause: 'The HVE endpoint takes logins for High Volume Email accounts only.',
    remedy: 'Use the address of the HVE account as user, or send through smtp.office365.com.',
    source: 'hve-live',
    samples: ['550 5.2.240 Authenticating identity is not a High Volume Email account'],
  },
  {
    id: 'hve-envelope-sender',
    class: 'message',
    aboutSender: true,
    match: [{ status: ['5.7.62'] }],
    title: 'The envelope sender is not the HVE account',
    cause: 'High Volume Email takes MAIL FROM only with the address of the account that logged in.',
    remedy: 'Use the HVE address as envelope sender.',
    source: 'hve-live',
    samples: ['550 5.7.62 MAIL FROM does not match the High Volume Email account'],
  },
  {
    id: 'hve-header-from',
    class: 'message',
    aboutSender: true,
    match: [{ status: ['5.6.241'] }],
    title: 'The From header is not the HVE account',
    cause: 'High Volume Email wants the From header to equal the envelope sender.',
    remedy:
      'Put the HVE address into From and the address for answers into Reply-To, or set Reply-To for the whole account.',
    command: 'Set-HVEAccountSettings -Identity <hve account> -ReplyTo <reply address>',
    source: 'hve-live',
    samples: ['550 5.6.241 From header does not match the envelope sender'],
  },
] as const;

/** What `Get-HVEAccountBillingPolicy` calls an account that may send. */
export const HVE_BILLING_VALID = 'BillingPolicyValid';

/** An HVE account that may not send for want of billing. No reply tells it: `Get-HVEAccountBillingPolicy` does. */
export const HVE_BILLING = {
  id: 'hve-billing',
  class: 'admin',
  title: 'The HVE account has no valid billing policy',
  cause:
    'High Volume Email is paid by use; without a billing policy on an active Azure subscription the account cannot send.',
  remedy: 'Assign a valid billing policy to the account, and check that its subscription is active.',
  command:
    'Get-BillingPolicy -ResourceType HVE; Set-HVEAccountBillingPolicy -Identity <hve account> -BillingPolicyId <policy id>',
  source: 'ms-powershell',
  states: [
    'NoProperBillingPolicyStored',
    'BillingPolicyNotFound',
    'NoConnectedBillingPolicyFound',
    'SubscriptionIsNotActive',
    'NoSPOLicenseFound',
  ],
} as const;
