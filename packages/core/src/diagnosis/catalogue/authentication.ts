// Replies about logging in. Order matters: the first entry that fits is taken, so the particular stand before the general.

/** Refused logins at Exchange Online and elsewhere. */
export const AUTHENTICATION = [
  {
    id: 'smtp-auth-disabled-tenant',
    class: 'admin',
    match: [{ code: [535], status: ['5.7.139'], words: 'smtpclientauthentication is disabled for the tenant' }],
    title: 'SMTP AUTH is off in this tenant, and the mailbox has no exception',
    cause:
      'Exchange Online forbids SMTP AUTH for the whole tenant unless a mailbox is exempted; logging in with OAuth needs the exemption as well.',
    remedy:
      'Switch SMTP AUTH on for this one mailbox and leave the tenant closed. It takes from some minutes up to an hour.',
    command: 'Set-CASMailbox -Identity <mailbox> -SmtpClientAuthenticationDisabled $false',
    portal: 'Microsoft 365 admin center > Active users > the mailbox > Mail > Manage email apps > Authenticated SMTP',
    source: 'oauth2-proxy-193',
    samples: [
      '535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information. [PN0PR01CA0035.INDPRD01.PROD.OUTLOOK.COM 2026-09-25T06:07:08.910Z 08DF0A1B2C3D4E5F]',
    ],
  },
  {
    id: 'smtp-auth-disabled-mailbox',
    class: 'admin',
    match: [{ code: [535], status: ['5.7.139'], words: 'smtpclientauthentication is disabled for the mailbox' }],
    title: 'SMTP AUTH is off for this mailbox',
    cause:
      'SmtpClientAuthenticationDisabled is $true on the mailbox itself, which outweighs the setting of the tenant.',
    remedy: 'Switch SMTP AUTH on for the mailbox. It takes from some minutes up to an hour.',
    command: 'Set-CASMailbox -Identity <mailbox> -SmtpClientAuthenticationDisabled $false',
    portal: 'Microsoft 365 admin center > Active users > the mailbox > Mail > Manage email apps > Authenticated SMTP',
    source: 'ms-powershell',
    samples: [
      '535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. Visit https://aka.ms/smtp_auth_disabled for more information. [AM0PR04CA0035.eurprd04.prod.outlook.com]',
    ],
  },
  {
    id: 'smtp-basic-auth-disabled',
    class: 'admin',
    match: [{ code: [535], status: ['5.7.139'], words: 'basic authentication is disabled' }],
    title: 'The login used a password where only OAuth is allowed',
    cause:
      'Basic authentication (user name and password) is disabled here; this answer means that no access token was presented.',
    remedy: 'Log in with XOAUTH2; SMTP AUTH itself must be on for the mailbox all the same.',
    source: 'nodemailer-1726',
    samples: [
      '535 5.7.139 Authentication unsuccessful, basic authentication is disabled. [LO2P123CA0018.GBRP123.PROD.OUTLOOK.COM 2024-10-02T07:11:23.101Z 08DCE0A1B2C3D4E5]',
    ],
  },
  {
    id: 'smtp-password-wrong',
    class: 'admin',
    match: [{ code: [535], status: ['5.7.139'], words: 'user credentials were incorrect' }],
    title: 'The password was not accepted',
    cause:
      'A login with user name and password failed: the password is wrong, or the account asks for a second factor.',
    remedy: 'Log in with OAuth instead. Do not repeat the password: the account locks itself after some attempts.',
    source: 'public-threads',
    samples: [
      '535 5.7.139 Authentication unsuccessful, the user credentials were incorrect. [FR0P281CA0084.DEUP281.PROD.OUTLOOK.COM 2025-03-04T10:20:30.400Z 08DD5A0B1C2D3E4F]',
    ],
  },
  {
    id: 'smtp-security-defaults',
    class: 'admin',
    match: [{ code: [535], status: ['5.7.139'], words: 'security defaults' }],
    title: "The tenant's security defaults refuse this login",
    cause: 'Security defaults block logins with user name and password.',
    remedy: 'Log in with OAuth. There is no need to switch security defaults off.',
    source: 'public-threads',
    samples: [
      "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy. Contact your administrator. [MN2PR05CA0012.namprd05.prod.outlook.com]",
    ],
  },
  {
    id: 'smtp-conditional-access',
    class: 'admin',
    match: [{ code: [535], status: ['5.7.139'], words: 'did not meet the criteria' }],
    title: 'An access policy of the tenant refuses this login',
    cause: 'A Conditional Access policy, or the block on legacy authentication, does not let this login through.',
    remedy:
      'Look at the failed sign-in of this account: the log names the policy. Log in with OAuth, or have the policy exempt this account.',
    portal: 'Microsoft Entra admin center > Monitoring > Sign-in logs > the failed sign-in > Conditional Access',
    source: 'public-threads',
    samples: [
      '535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully. Contact your administrator. [BL1PR13CA0001.namprd13.prod.outlook.com]',
    ],
  },
  {
    id: 'smtp-organization-forbids-password',
    class: 'admin',
    match: [{ code: [535], status: ['5.7.139'], words: 'organization configuration' }],
    title: 'The organization does not allow this login with a password',
    cause:
      'Security defaults, or an authentication policy without AllowBasicAuthSmtp, refuse passwords; known from High Volume Email accounts.',
    remedy:
      'Log in with OAuth. If it must be a password, give the account an authentication policy with AllowBasicAuthSmtp and check security defaults.',
    command: "Set-User -Identity <mailbox> -AuthenticationPolicy '<policy with AllowBasicAuthSmtp>'",
    source: 'ms-hve',
    samples: [
      "535 5.7.139 Authentication unsuccessful, the organization configuration doesn't allow this authentication request.",
      '535 5.7.139 Authentication unsuccessful, the organization configuration does not allow this authentication request.',
    ],
  },
  {
    id: 'smtp-federation-unreachable',
    class: 'transient',
    match: [{ code: [535], status: ['5.7.139'], words: 'sts service was unreachable' }],
    title: 'The federation server that checks the password is down',
    cause: 'The tenant sends password logins on to its own federation server (AD FS), which did not answer Microsoft.',
    remedy:
      'Wait for AD FS to come back and tell whoever runs it. Logging in with OAuth as an application does not depend on it.',
    retry: { giveUpAfter: 3_600_000, afterwards: 'admin' },
    source: 'ms-devices',
    samples: ['535 5.7.139 Authentication unsuccessful, federated STS service was unreachable.'],
  },
  {
    id: 'smtp-federation-not-https',
    class: 'admin',
    match: [{ code: [535], status: ['5.7.139'], words: 'sts url does not support https' }],
    title: 'The federation server that checks the password has no valid HTTPS',
    cause: 'Microsoft could not reach the federation server (AD FS) of the tenant over HTTPS.',
    remedy: 'Renew or repair the certificate of AD FS. Logging in with OAuth as an application does not depend on it.',
    source: 'ms-devices',
    samples: ['535 5.7.139 Authentication unsuccessful, the federated STS URL does not support HTTPS.'],
  },
  {
    id: 'smtp-auth-policy',
    class: 'admin',
    match: [{ code: [535], status: ['5.7.139'] }],
    title: 'A setting of the tenant or mailbox refuses this login',
    cause:
      '5.7.139 means that a policy, not the token, is in the way: mostly SMTP AUTH switched off, else an access policy.',
    remedy:
      'Look at the SMTP AUTH setting of the mailbox and of the tenant first, then at the failed sign-in in the Entra sign-in log.',
    command: 'Get-CASMailbox -Identity <mailbox> | Format-List SmtpClientAuthenticationDisabled',
    source: 'nodemailer-1482',
    samples: ['535 5.7.139 Authentication unsuccessful [BN0PR04CA0129.namprd04.prod.outlook.com]'],
  },
  {
    id: 'smtp-token-refused',
    class: 'token',
    match: [{ code: [535], status: ['5.7.3'] }],
    title: 'Exchange does not accept this access token',
    cause:
      'One answer for many causes: a token that expired, is for another resource, tenant or user, or an application Exchange does not know or has given no right.',
    remedy:
      'Try once with a new token. If that is refused too, go through the list; the first items can be read from the token itself.',
    checks: [
      { text: 'The token has not expired (exp), and the clock of this machine is right.' },
      {
        text: 'Its audience (aud) is https://outlook.office365.com. A token for Microsoft Graph gets this answer.',
        models: ['app-permission', 'app-rbac'],
      },
      { text: 'Its audience (aud) is https://outlook.office.com, not Microsoft Graph.', models: ['hve', 'delegated'] },
      {
        text: "Its tenant (tid) is the mailbox's tenant, also where the application is registered in another. The tenant of a mail domain stands as issuer in https://login.microsoftonline.com/<domain>/v2.0/.well-known/openid-configuration",
      },
      {
        text: 'Application permission: roles contains SMTP.SendAsApp. If not, the permission or the admin consent is missing.',
        models: ['app-permission'],
      },
      {
        text: 'App RBAC: roles is empty. SMTP.SendAsApp in the token makes Exchange ask for a right on the mailbox that this model does not have.',
        models: ['app-rbac'],
      },
      {
        text: 'Delegated: scp contains SMTP.Send, and the person signed in (upn) is the mailbox or has rights on it.',
        models: ['delegated'],
      },
      {
        text: "Exchange knows the application under the same object id as the token's oid. It is the id of the enterprise application, not of the app registration; a wrong one must be removed and made anew.",
        command: "Get-ServicePrincipal | Where-Object AppId -eq '<client id>' | Format-List AppId, ObjectId",
        models: ['app-permission', 'app-rbac'],
      },
      {
        text: 'Application permission: the application has FullAccess to the mailbox. The column User may show it as a SID.',
        command: 'Get-MailboxPermission -Identity <mailbox> | Format-Table User, AccessRights, Deny',
        models: ['app-permission'],
      },
      {
        text: 'App RBAC: the mailbox is in the scope of the role (InScope is True).',
        command:
          "Test-ServicePrincipalAuthorization -Identity '<object id>' -Resource <mailbox> | Format-Table RoleName, InScope",
        models: ['app-rbac'],
      },
      {
        text: 'SMTP AUTH is on for the mailbox (SmtpClientAuthenticationDisabled is False). Switched off it mostly answers 5.7.139.',
        command: 'Get-CASMailbox -Identity <mailbox> | Format-List SmtpClientAuthenticationDisabled',
        models: ['app-permission', 'app-rbac', 'delegated'],
      },
      {
        text: 'High Volume Email: roles (or scp, of a user) contains Mail.Send, the application is allowed for the account, and its billing policy is valid.',
        command: 'Get-HVEAccountSettings -Identity <hve account> | Format-List *AllowedApps*',
        models: ['hve'],
      },
      { text: 'Nothing of this was changed within the last two hours. If it was, wait before changing more.' },
      {
        text: 'Modern authentication is on in the tenant (OAuth2ClientProfileEnabled is True).',
        command: 'Get-OrganizationConfig | Format-List OAuth2ClientProfileEnabled',
      },
      {
        text: 'Possible, not proven: security defaults of the tenant, which are known to refuse passwords with this answer.',
      },
    ],
    source: 'ms-oauth',
    samples: [
      '535 5.7.3 Authentication unsuccessful [AM0PR04CA0035.eurprd04.prod.outlook.com 2024-05-06T07:08:09.101Z 08DC6D0A1B2C3D4E]',
    ],
  },
  {
    id: 'smtp-basic-auth-retired',
    class: 'admin',
    match: [{ status: ['5.7.30'] }],
    title: 'Microsoft does not accept passwords for SMTP any more',
    cause:
      'Basic authentication for client submission is off: by default for existing tenants at the end of December 2026, and altogether at a date to be announced in the second half of 2027.',
    remedy: 'Log in with XOAUTH2. Until the final date an administrator can switch passwords on again.',
    source: 'ms-basic-auth',
    samples: [
      '550 5.7.30 Basic authentication is not supported for Client Submission. [YT3PR01CA0063.CANPRD01.PROD.OUTLOOK.COM]',
    ],
  },
  {
    id: 'smtp-mailbox-unusable',
    class: 'admin',
    match: [{ code: [550], words: 'mailbox cannot be accessed' }],
    title: 'The mailbox that logs in cannot be used',
    cause: 'Exchange cannot open the mailbox: it is locked, has no licence, or does not exist any more.',
    remedy: 'Check licence and state of the mailbox. A shared mailbox up to 50 GB needs no licence.',
    command: 'Get-EXOMailbox -Identity <mailbox> -Properties RecipientTypeDetails',
    source: 'nodemailer-949',
    samples: ['550 Mailbox cannot be accessed [CWLP265CA0316.GBRP265.PROD.OUTLOOK.COM]'],
  },
  {
    id: 'smtp-mechanism-unknown',
    class: 'admin',
    // 504 alone refuses any parameter of a command (RFC 5321 section 4.2.2): Postfix says it of addresses without a domain.
    match: [
      { code: [504], status: ['5.7.4'] },
      { code: [504], words: 'authentication type' },
      { code: [504], words: 'mechanism' },
    ],
    title: 'The server does not offer this way of logging in',
    cause: 'AUTH was sent before STARTTLS, or with a mechanism this server does not have.',
    remedy:
      'Use the submission host of the provider (smtp.office365.com, port 587) and a mechanism from its EHLO answer.',
    source: 'unconfirmed',
    samples: [
      '504 5.7.4 Unrecognized authentication type [AM6PR0202CA0048.eurprd02.prod.outlook.com]',
      '504 5.5.4 Unrecognized authentication type',
    ],
  },
  {
    id: 'smtp-mail-before-auth',
    class: 'admin',
    match: [{ code: [530], status: ['5.7.57'] }],
    title: 'The server wants a login before it takes mail',
    cause:
      'MAIL was sent on a session that is not logged in, either because no login was tried or because it had failed.',
    remedy:
      'Check that the account has a token source and that this is the submission host (smtp.office365.com, port 587); then look for the refused login before this answer.',
    source: 'ms-ndr',
    samples: [
      '530 5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM [AM6PR0732BE0065.eurprd07.prod.outlook.com]',
      '530 5.7.57 Client not authenticated to send mail. [LO4P123CA0331.GBRP123.PROD.OUTLOOK.COM]',
    ],
  },
  {
    id: 'smtp-starttls-required',
    class: 'admin',
    match: [{ code: [530], words: 'starttls' }],
    title: 'The server wants TLS first',
    cause: 'A command was sent in clear that this server accepts only after STARTTLS (RFC 3207 section 4).',
    remedy: "Leave TLS on for this account; `tls: 'none'` is for servers on this machine only.",
    source: 'rfc',
    samples: ['530 5.7.0 Must issue a STARTTLS command first. gsmtp'],
  },
  {
    id: 'smtp-authentication-required',
    class: 'admin',
    match: [{ code: [530] }],
    title: 'The server wants a login',
    cause: 'The server takes mail only from sessions that are logged in (RFC 4954 section 6).',
    remedy: 'Give the account a token source, and use the submission port 587 (or 465), not 25.',
    source: 'ms-ndr',
    samples: ['530 5.7.1 Client was not authenticated', '530 Authentication required'],
  },
  {
    id: 'smtp-tls-unavailable',
    class: 'transient',
    match: [{ code: [454], words: 'tls' }],
    title: 'The server cannot start TLS just now',
    cause: 'The server refused STARTTLS for a passing reason of its own (RFC 3207 section 4); nothing secret was sent.',
    remedy: 'Try again. If it stays, the certificate or TLS set-up of the server is broken.',
    source: 'rfc',
    samples: ['454 4.7.0 TLS not available due to temporary reason'],
  },
  {
    id: 'smtp-authentication-temporary',
    class: 'transient',
    match: [{ code: [454], status: ['4.7.0'] }],
    title: 'The login could not be checked just now',
    cause: 'The service that checks logins has a passing problem; this says nothing about the token.',
    remedy: 'Keep the token and try again.',
    source: 'unconfirmed',
    samples: ['454 4.7.0 Temporary authentication failure'],
  },
  {
    id: 'smtp-credentials-refused',
    class: 'token',
    match: [{ code: [535], status: ['5.7.8'] }],
    title: 'The server does not accept this access token',
    cause: 'The token has expired or was revoked, is for another user, or lacks the scope for SMTP.',
    remedy:
      "Try once with a new token. If that is refused too, compare its scope with the one in the server's challenge (Gmail: https://mail.google.com/) and its user with the login.",
    source: 'google-xoauth2',
    samples: [
      '535-5.7.8 Username and Password not accepted. For more information, go to\n535 5.7.8  https://support.google.com/mail/?p=BadCredentials 4fb4d7f45d1cf-5c3ee6e0a0bsm1234567a12.3 - gsmtp',
    ],
  },
] as const;
