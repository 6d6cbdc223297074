// Replies about the sender: rights on the mailbox, the From address, blocked accounts and tenants.

/** Who may send, and who has been stopped from sending. */
export const SENDER = [
  {
    id: 'smtp-mailbox-logon-failed',
    class: 'propagation',
    match: [{ code: [430], status: ['4.2.0'] }],
    title: 'Exchange took the login but may not open the mailbox',
    cause:
      'The application has no right on the mailbox, the right is not in force yet, or the token carries SMTP.SendAsApp although App RBAC is used. Exchange says so only after the message.',
    remedy:
      'If the right was given less than two hours ago, wait. Otherwise go through the list; the code looks temporary but does not pass by itself.',
    checks: [
      {
        text: 'Application permission: the application has FullAccess to the mailbox. The column User may show it as a SID.',
        command: 'Get-MailboxPermission -Identity <mailbox> | Format-Table User, AccessRights, Deny',
        models: ['app-permission'],
      },
      {
        text: 'If it has not, give it. A licence taken away removes the right as well, without a word.',
        command:
          "Add-MailboxPermission -Identity <mailbox> -User '<object id>' -AccessRights FullAccess -AutoMapping:$false",
        models: ['app-permission'],
      },
      {
        text: "Exchange has the object id of the enterprise application (the token's oid). Exchange accepts a wrong one without complaint; it cannot be changed, only removed and made anew.",
        command: "Get-ServicePrincipal | Where-Object AppId -eq '<client id>' | Format-List AppId, ObjectId",
        models: ['app-permission', 'app-rbac'],
      },
      {
        text: 'App RBAC: remove SMTP.SendAsApp and its consent from the app registration. With it in the token Exchange also asks for FullAccess.',
        models: ['app-rbac'],
      },
      {
        text: 'App RBAC: the mailbox is in the scope of the role (InScope is True).',
        command:
          "Test-ServicePrincipalAuthorization -Identity '<object id>' -Resource <mailbox> | Format-Table RoleName, InScope",
        models: ['app-rbac'],
      },
      {
        text: 'Delegated: the person signed in has rights on the mailbox named as XOAUTH2 user.',
        models: ['delegated'],
      },
    ],
    source: 'app-relay',
    samples: [
      '430 4.2.0 STOREDRV; mailbox logon failure; STOREDRV.Submission.Exception:ConnectionFailedTransientException.MapiExceptionLogonFailed; Failed to process message due to a transient exception with message [BeginDiagnosticData]Cannot open mailbox. Server = FR2P281MB3300.DEUP281.PROD.OUTLOOK.COM, 5.33852:00000000534D545000000000, 5.56248:0504000041757468656E7469636174696F6E436F6E7465787420686173206E6F20726967687473206F6E20746869732073657373696F6E0000[EndDiagnosticData] [Hostname=FR2P281MB3300.DEUP281.PROD.OUTLOOK.COM]',
    ],
  },
  {
    id: 'smtp-send-as-denied',
    class: 'admin',
    aboutSender: true,
    match: [{ code: [554], status: ['5.2.252'] }],
    title: 'The login may not send with this From address',
    cause:
      'The From address belongs to another mailbox than the one that logged in, and Exchange says so only after the message.',
    remedy:
      'Log in as the From mailbox: one application token serves every mailbox it may use (with App RBAC: every mailbox in scope). Only if that will not do, give SendAs on the From mailbox; repeated refusals block the mailbox.',
    command:
      "Add-RecipientPermission -Identity <sender> -Trustee '<object id or user>' -AccessRights SendAs -Confirm:$false",
    source: 'send-as-transcript',
    samples: [
      '554 5.2.252 SendAsDenied; info@contoso.com not allowed to send as noreply@contoso.com; STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process message due to a permanent exception with message [BeginDiagnosticData]Cannot submit message. 1.84300:0A000000, 5.95292:67000000446F526F70730072, 5.33852:00000000534D545000000000, 5.56248:DC04000053656E64417320636865636B206661696C65642062656375617365204149206973206E756C6C0000[EndDiagnosticData] [Hostname=MEYP282MB1976.AUSP282.PROD.OUTLOOK.COM]',
    ],
  },
  {
    id: 'smtp-send-as-denied-older',
    class: 'admin',
    aboutSender: true,
    match: [{ code: [554], status: ['5.2.0'], words: 'sendasdenied' }],
    title: 'The login may not send with this From address',
    cause:
      'The From address belongs to another mailbox than the one that logged in; now and then this answer also came without reason.',
    remedy: 'Try once more after 30 seconds. If it stays, log in as the From mailbox, or give SendAs on it.',
    command:
      "Add-RecipientPermission -Identity <sender> -Trustee '<object id or user>' -AccessRights SendAs -Confirm:$false",
    retry: { attempts: 'one', wait: 30_000, longestWait: 30_000 },
    source: 'mailkit-1176',
    samples: [
      '554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process message due to a permanent exception with message Cannot submit message. 0.35250:0A004F84 [Hostname=DB7PR04MB1234.eurprd04.prod.outlook.com]',
    ],
  },
  {
    id: 'smtp-send-as-not-permitted',
    class: 'admin',
    aboutSender: true,
    match: [{ status: ['5.7.60'] }, { code: [550], status: ['5.7.1'], words: 'send as this sender' }],
    title: 'The login may not send as this sender',
    cause: 'The sender address belongs to another mailbox than the one that logged in.',
    remedy: 'Log in as the From mailbox, or give the application (or user) SendAs on it.',
    command:
      "Add-RecipientPermission -Identity <sender> -Trustee '<object id or user>' -AccessRights SendAs -Confirm:$false",
    source: 'ms-devices',
    samples: [
      '550 5.7.60 SMTP; Client does not have permissions to send as this sender [DM5PR0101MB2345.prod.exchangelabs.com]',
      '550 5.7.1 Client does not have permission to send as this sender',
    ],
  },
  {
    id: 'smtp-sender-not-owned',
    class: 'admin',
    aboutSender: true,
    match: [{ code: [553, 550], status: ['5.7.1'], words: 'sender address rejected: not owned' }],
    title: 'The login may not send as this sender',
    cause: 'Postfix lets each login use only its own addresses, and says so at the first recipient.',
    remedy: 'Send as an address of this login, or have the administrator add the address to smtpd_sender_login_maps.',
    source: 'public-threads',
    samples: ['553 5.7.1 <noreply@example.com>: Sender address rejected: not owned by user info@example.com'],
  },
  {
    id: 'smtp-sender-throttled-mailbox-full',
    class: 'blocked',
    match: [{ code: [550], status: ['5.2.251'] }],
    title: 'Exchange has shut this mailbox out: it went on sending while full',
    cause: 'The mailbox is full, and messages were offered again and again in spite of it.',
    remedy:
      'Stop everything that sends from this mailbox and clear it, Sent Items first. The block lifts itself after a time; support cannot lift it, and Message Trace shows nothing.',
    source: 'ms-throttling',
    samples: ['550 5.2.251 Sender throttled due to continuous mailbox full errors.'],
  },
  {
    id: 'smtp-sender-throttled-send-as',
    class: 'blocked',
    match: [{ code: [550], status: ['5.2.252'] }],
    title: 'Exchange has shut this mailbox out: too many From addresses it may not use',
    cause:
      'Messages with a From address this login may not use were offered again and again; right ones are now refused, too.',
    remedy:
      'Stop sending, correct the From address or give SendAs, then wait. The block lifts itself after a time; support cannot lift it.',
    source: 'ms-throttling',
    samples: ['550 5.2.252 Sender throttled due to continuous send as denied errors.'],
  },
  {
    id: 'smtp-sender-throttled-licence',
    class: 'blocked',
    match: [{ code: [550], status: ['5.2.253'] }],
    title: 'Exchange has shut this mailbox out: it went on sending without a licence',
    cause: 'The mailbox has no valid licence, and messages were offered again and again in spite of it.',
    remedy:
      'Stop sending, give the mailbox a licence (or make it a shared mailbox), then wait. The block lifts itself after a time.',
    source: 'ms-throttling',
    samples: ['550 5.2.253 Sender throttled due to continuous invalid license errors.'],
  },
  {
    id: 'smtp-sender-throttled-too-many-recipients',
    class: 'blocked',
    match: [{ code: [550], status: ['5.2.254'] }],
    title: 'Exchange has shut this mailbox out: too many recipients, again and again',
    cause: 'Messages with more recipients than the mailbox may use were offered repeatedly.',
    remedy: 'Stop sending, split the recipients into smaller groups, then wait. The block lifts itself after a time.',
    source: 'ms-throttling',
    samples: ['550 5.2.254 Sender throttled due to continuous too many recipients errors.'],
  },
  {
    id: 'smtp-sender-throttled-bad-recipients',
    class: 'blocked',
    match: [{ code: [550], status: ['5.2.255'] }],
    title: 'Exchange has shut this mailbox out: too many addresses that do not exist',
    cause: 'Messages to invalid recipients were offered repeatedly.',
    remedy: 'Stop sending, take the dead addresses off the list, then wait. The block lifts itself after a time.',
    source: 'ms-throttling',
    samples: ['550 5.2.255 Sender throttled due to continuous invalid recipients errors.'],
  },
  {
    id: 'smtp-restricted-user',
    class: 'blocked',
    match: [{ status: ['5.1.8'], words: 'bad outbound sender' }],
    title: 'Microsoft has restricted this sender',
    cause:
      'The account sent what looked like spam, or more than the outbound spam policy allows, and is on the list of restricted entities.',
    remedy:
      'Find out what it sent and secure the account, then unblock it. It takes some hours until it can send again.',
    portal: 'https://security.microsoft.com/restrictedentities',
    source: 'ms-ndr',
    samples: ['550 5.1.8 Access denied, bad outbound sender. AS(42003)'],
  },
  {
    id: 'smtp-spam-blocked',
    class: 'blocked',
    match: [{ status: ['5.7.501-503'] }],
    title: 'Microsoft has banned this sender for spam',
    cause: 'The account or its mail is taken for spam.',
    remedy: 'Secure the account, stop sending, and open a support case with Microsoft.',
    source: 'ms-ndr',
    samples: ['550 5.7.501 Access denied, spam abuse detected', '550 5.7.503 Access denied, banned sender'],
  },
  {
    id: 'smtp-outbound-spam',
    class: 'blocked',
    match: [{ status: ['5.2.0'], words: 'outboundspamexception' }],
    title: 'Microsoft takes this mail for spam and has stopped the account',
    cause:
      'The check on outgoing mail gave a verdict against this account, such as Suspend or RefuseQuota; seen with outlook.com accounts.',
    remedy:
      'Sign in to the account in a browser and follow what it asks for. Use a business mailbox for automated mail.',
    source: 'public-threads',
    samples: [
      '554 5.2.0 STOREDRV.Submission.Exception:OutboundSpamException; Failed to process message due to a permanent exception with message [BeginDiagnosticData]WASCL UserAction verdict is not None. Actual verdict is RefuseQuota. OutboundSpamException: WASCL UserAction verdict is not None. Actual verdict is RefuseQuota.[EndDiagnosticData] [Hostname=AM9P192MB0935.EURP192.PROD.OUTLOOK.COM]',
    ],
  },
  {
    id: 'smtp-tenant-threshold',
    class: 'blocked',
    match: [{ status: ['5.7.705'] }],
    title: 'Microsoft has stopped all mail of this tenant',
    cause: 'The tenant sent too much that looked like spam, or its subscription was renewed after it had run out.',
    remedy:
      'After a renewal wait up to a day. Otherwise look for compromised accounts, stop bulk mail, and open a support case.',
    source: 'ms-ndr',
    samples: ['550 5.7.705 Access denied, tenant has exceeded threshold'],
  },
  {
    id: 'smtp-tenant-not-trusted',
    class: 'blocked',
    match: [{ status: ['5.7.708'] }],
    title: 'Microsoft does not take mail from this tenant yet',
    cause:
      'New and trial tenants without a record of sending are refused; the token may also come from another tenant than meant.',
    remedy: 'Check the tenant id, add paid licences, and ask Microsoft support to lift the restriction.',
    source: 'ms-ndr',
    samples: [
      '550 5.7.708 Access denied, traffic not accepted from this IP. For more information please go to http://go.microsoft.com/fwlink/?LinkId=526653',
    ],
  },
  {
    id: 'smtp-domain-not-registered',
    class: 'admin',
    aboutSender: true,
    match: [{ status: ['5.7.750'] }],
    title: 'The From domain is not registered with the tenant',
    cause: 'The tenant sent too much mail from domains it has not verified.',
    remedy: 'Add the domain to the accepted domains of the tenant, or send from one that is.',
    portal: 'Microsoft 365 admin center > Settings > Domains',
    source: 'ms-ndr',
    samples: ['550 5.7.750 Service unavailable. Client blocked from sending from unregistered domains.'],
  },
  {
    id: 'smtp-tenant-block-list',
    class: 'recipient',
    match: [{ status: ['5.7.703'] }],
    title: 'A recipient is on the block list of this tenant',
    cause:
      'The Tenant Allow/Block List names the address or domain of a recipient; one such recipient stops the whole message.',
    remedy: 'Send to the other recipients without it, or have the administrator take the entry off the list.',
    portal: 'https://security.microsoft.com/tenantAllowBlockList',
    source: 'ms-ndr',
    samples: [
      "550 5.7.703 Your message can't be delivered because one or more recipients are blocked by your organization's tenant allow/block list policy.",
    ],
  },
  {
    id: 'smtp-sent-items-full',
    class: 'admin',
    match: [{ code: [554], status: ['5.2.2'], words: 'storedrv.submission' }],
    title: 'The sending mailbox is full',
    cause:
      'Exchange keeps a copy of every message sent by SMTP AUTH in Sent Items; the mailbox that sends has no room for one more.',
    remedy:
      'Empty Sent Items and set a retention policy for it. Stop sending until then: repeated attempts block the mailbox.',
    source: 'ms-submission',
    samples: [
      '554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded; Failed to process message due to a permanent exception',
      '554 5.2.2 Mailbox full. Visit https://aka.ms/mailboxfull for more information.; STOREDRV.Submission.Exception:QuotaExceededException.MapiExceptionQuotaExceeded',
    ],
  },
] as const;
