// Faults of the SMTP servers that have a name. The replies are Microsoft's (2026-11); README.md lists them.

/** Faults of Exchange Online, by name; High Volume Email can be given them too. */
export const EXCHANGE_FAULTS = {
  'reset-on-connect': {
    says: 'The connection is reset before the greeting.',
    point: 'GREETING',
    fault: { close: 'reset' },
  },
  'no-greeting': {
    says: 'The server accepts the connection and says nothing.',
    point: 'GREETING',
    fault: { hang: true },
  },
  'slow-greeting': { says: 'The greeting takes five seconds.', point: 'GREETING', fault: { delay: 5000 } },
  'service-not-active': {
    says: 'A front end that is going down: 421 4.3.2 instead of a greeting.',
    point: 'GREETING',
    fault: { reply: '421 4.3.2 Service not active [server time session]', close: 'end' },
  },
  'not-smtp': {
    says: 'Whoever listens there does not speak SMTP.',
    point: 'GREETING',
    fault: { raw: 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n', close: 'end' },
  },
  drip: { says: 'EHLO is answered byte by byte.', point: 'EHLO', fault: { drip: 2 } },
  'disconnect-at-ehlo': { says: 'The connection is reset at EHLO.', point: 'EHLO', fault: { close: 'reset' } },
  'starttls-refused': {
    says: 'TLS is not to be had just now: 454 4.7.0.',
    point: 'STARTTLS',
    fault: { reply: '454 4.7.0 TLS not available due to temporary reason' },
  },
  'bytes-before-tls': {
    says: 'A reply is slipped in behind the one to STARTTLS, in the clear.',
    point: 'STARTTLS',
    fault: { raw: '220 2.0.0 SMTP server ready\r\n250 2.0.0 injected\r\n' },
  },
  'tls-hangs': {
    says: 'STARTTLS is answered, and the handshake never begins.',
    point: 'STARTTLS',
    fault: { reply: '220 2.0.0 SMTP server ready', hang: true },
  },
  'wrong-certificate': {
    says: 'The certificate is for another host.',
    point: 'STARTTLS',
    fault: { certificate: 'wrong-host' },
  },
  'untrusted-certificate': {
    says: 'The certificate is of an authority nobody knows.',
    point: 'STARTTLS',
    fault: { certificate: 'unknown-authority' },
  },

  'login-refused': {
    says: 'The token is refused without a reason: 535 5.7.3.',
    point: 'AUTH',
    fault: { reply: '535 5.7.3 Authentication unsuccessful [server time session]' },
  },
  'smtp-auth-disabled-for-tenant': {
    says: 'SMTP AUTH is off for the tenant: 535 5.7.139.',
    point: 'AUTH',
    fault: {
      reply:
        '535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information. [server time session]',
    },
  },
  'smtp-auth-disabled-for-mailbox': {
    says: 'SMTP AUTH is off for the mailbox: 535 5.7.139.',
    point: 'AUTH',
    fault: {
      reply:
        '535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. Visit https://aka.ms/smtp_auth_disabled for more information. [server time session]',
    },
  },
  'basic-auth-disabled': {
    says: 'What a login by password is told: 535 5.7.139.',
    point: 'AUTH',
    fault: {
      reply: '535 5.7.139 Authentication unsuccessful, basic authentication is disabled. [server time session]',
    },
  },
  'security-defaults': {
    says: "The organization's security defaults lock the user out: 535 5.7.139.",
    point: 'AUTH',
    fault: {
      reply:
        "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy. Contact your administrator. [server time session]",
    },
  },
  'criteria-not-met': {
    says: 'Conditional Access or a block of legacy authentication: 535 5.7.139.',
    point: 'AUTH',
    fault: {
      reply:
        '535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully. Contact your administrator. [server time session]',
    },
  },
  'mailbox-inaccessible': {
    says: 'The mailbox is locked or gone: 550 at AUTH.',
    point: 'AUTH',
    fault: { reply: '550 Mailbox cannot be accessed [server time session]' },
  },
  'too-many-connections': {
    says: 'The mailbox has three connections already: 432 4.3.2.',
    point: 'AUTH',
    fault: {
      reply:
        '432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information. [Hostname=AM8SB01MB0001.eursb01.prod.outlook.com]',
    },
  },
  'login-busy': {
    says: 'Tokens cannot be checked just now: 454 4.7.0.',
    point: 'AUTH',
    fault: { reply: '454 4.7.0 Temporary authentication failure [server time session]' },
  },
  'login-hangs': { says: 'AUTH is never answered.', point: 'AUTH', fault: { hang: true } },
  'disconnect-at-auth': { says: 'The connection is reset at AUTH.', point: 'AUTH', fault: { close: 'reset' } },
  'error-challenge': {
    says: 'The token is refused as Gmail does it: a 334 with JSON first.',
    point: 'AUTH',
    fault: { reply: '334 eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiQmVhcmVyIn0=' },
  },

  'server-busy': {
    says: 'The server is busy at MAIL: 451 4.7.500.',
    point: 'MAIL',
    fault: { reply: '451 4.7.500 Server busy. Please try again later. [server time session]' },
  },
  'temporary-error': {
    says: 'The front end cannot reach the mailbox at MAIL: 451 4.7.0.',
    point: 'MAIL',
    fault: { reply: '451 4.7.0 Temporary server error. Please try again later. PRX4 [server time session]' },
  },
  'idle-timeout': {
    says: 'The connection was idle for too long: 421 4.4.2 at MAIL.',
    point: 'MAIL',
    fault: { reply: '421 4.4.2 Connection timed out [server time session]', close: 'end' },
  },
  'session-too-long': {
    says: 'The connection has lasted too long: 421 4.4.1 at MAIL.',
    point: 'MAIL',
    fault: {
      reply: '421 4.4.1 Connection timed out. Total session duration: 00:20:55.4690000 [server time session]',
      close: 'end',
    },
  },
  'not-authenticated': {
    says: 'The server has forgotten the login: 530 5.7.57 at MAIL.',
    point: 'MAIL',
    fault: {
      reply:
        '530 5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM [server time session]',
    },
  },
  'mail-hangs': { says: 'MAIL is never answered.', point: 'MAIL', fault: { hang: true } },
  'disconnect-at-mail': { says: 'The connection is reset at MAIL.', point: 'MAIL', fault: { close: 'reset' } },

  'recipient-not-found': {
    says: 'Nobody has this address: 550 5.1.10.',
    point: 'RCPT',
    fault: {
      reply:
        '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup [server time session]',
    },
  },
  'recipient-busy': {
    says: "The recipient's mailbox takes nothing just now: 432 4.3.2.",
    point: 'RCPT',
    fault: { reply: '432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded [server time session]' },
  },
  'recipient-limit': {
    says: 'Too many recipients in one message: 452 4.5.3.',
    point: 'RCPT',
    fault: { reply: '452 4.5.3 Too many recipients' },
  },
  'recipient-blocked': {
    says: "The tenant's block list has the recipient: 550 5.7.703.",
    point: 'RCPT',
    fault: {
      reply:
        "550 5.7.703 Your message can't be delivered because messages to this recipient are blocked by your organization using Tenant Allow Block List. [server time session]",
    },
  },
  'disconnect-at-rcpt': { says: 'The connection is reset at RCPT.', point: 'RCPT', fault: { close: 'reset' } },

  'data-refused': {
    says: 'The message is put off before it was sent: 451 4.7.0 at DATA.',
    point: 'DATA',
    fault: { reply: '451 4.7.0 Temporary server error. Please try again later. PRX5 [server time session]' },
  },
  'data-hangs': { says: 'DATA is never answered.', point: 'DATA', fault: { hang: true } },
  'disconnect-at-data': { says: 'The connection is reset at DATA.', point: 'DATA', fault: { close: 'reset' } },
  'chunk-refused': {
    says: 'A chunk that is not the last is refused: 451 4.7.0 at BDAT.',
    point: 'BDAT',
    fault: { reply: '451 4.7.0 Temporary server error. Please try again later. PRX2 [server time session]' },
  },

  'disconnect-after-dot': {
    says: 'The message is delivered, and the connection reset before that is said.',
    point: 'MESSAGE',
    fault: { close: 'reset' },
  },
  'close-after-dot': {
    says: 'The message is delivered, and the connection closed in order before that is said.',
    point: 'MESSAGE',
    fault: { close: 'end' },
  },
  'message-hangs': {
    says: 'The message is delivered, and its end never answered.',
    point: 'MESSAGE',
    fault: { hang: true },
  },
  'slow-message': {
    says: 'The answer to the end of the message takes five seconds.',
    point: 'MESSAGE',
    fault: { delay: 5000 },
  },
  'half-reply': {
    says: 'The message is delivered; half a reply comes, then the end of the connection.',
    point: 'MESSAGE',
    fault: { raw: '250-2.0.0 OK', close: 'end' },
  },
  'two-replies': {
    says: 'The message is delivered and answered twice.',
    point: 'MESSAGE',
    fault: { raw: '250 2.0.0 OK\r\n250 2.0.0 OK\r\n' },
  },
  'temporary-error-after-data': {
    says: 'The message is put off after it was sent: 451 4.3.111.',
    point: 'MESSAGE',
    fault: {
      reply:
        '451 4.3.111 Temporary server error. Please try again later MRH1 [Hostname=AM8SB01MB0001.eursb01.prod.outlook.com]',
    },
  },
  'no-mailbox-rights': {
    says: 'FullAccess was not granted, or has not come into force: 430 4.2.0 after the message.',
    point: 'MESSAGE',
    fault: {
      reply:
        '430 4.2.0 STOREDRV; mailbox logon failure; STOREDRV.Submission.Exception:ConnectionFailedTransientException.MapiExceptionLogonFailed; Failed to process message due to a transient exception with message Cannot open mailbox. [Hostname=AM8SB01MB0001.eursb01.prod.outlook.com]',
    },
  },
  'send-as-denied': {
    says: 'The mailbox may not send as this sender: 554 5.2.252.',
    point: 'MESSAGE',
    fault: {
      reply:
        '554 5.2.252 SendAsDenied; noreply@contoso.com not allowed to send as info@contoso.com; STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process message due to a permanent exception with message Cannot submit message. [Hostname=AM8SB01MB0001.eursb01.prod.outlook.com]',
    },
  },
  'sender-not-permitted': {
    says: 'The client may not send as this sender: 550 5.7.60.',
    point: 'MESSAGE',
    fault: { reply: '550 5.7.60 SMTP; Client does not have permissions to send as this sender [server time session]' },
  },
  'mailbox-full': {
    says: 'Sent Items is full: 554 5.2.2.',
    point: 'MESSAGE',
    fault: {
      reply:
        '554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded; Failed to process message due to a permanent exception with message Cannot submit message. [Hostname=AM8SB01MB0001.eursb01.prod.outlook.com]',
    },
  },
  'rate-limit': {
    says: 'The mailbox sends too fast: 432 4.3.2.',
    point: 'MESSAGE',
    fault: {
      reply:
        '432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded [Hostname=AM8SB01MB0001.eursb01.prod.outlook.com]',
    },
  },
  'daily-limit': {
    says: 'The mailbox has used up its recipients of the day: 554 5.2.0.',
    point: 'MESSAGE',
    fault: {
      reply:
        "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to process message due to a permanent exception with message The message can't be submitted because the sender's submission quota was exceeded. [Hostname=AM8SB01MB0001.eursb01.prod.outlook.com]",
    },
  },
  'tenant-limit': {
    says: 'The tenant has used up its external recipients of the day: 550 5.7.233.',
    point: 'MESSAGE',
    fault: {
      reply:
        "550 5.7.233 Your message can't be sent because your tenant exceeded its daily limit for sending email to external recipients. [server time session]",
    },
  },
  'sender-throttled': {
    says: 'Too many errors in a row: 550 5.2.252.',
    point: 'MESSAGE',
    fault: {
      reply:
        '550 5.2.252 Sender throttled due to continuous send as denied errors. [Hostname=AM8SB01MB0001.eursb01.prod.outlook.com]',
    },
  },
  'restricted-user': {
    says: 'The user is restricted for sending spam: 550 5.1.8.',
    point: 'MESSAGE',
    fault: { reply: '550 5.1.8 Access denied, bad outbound sender [server time session]' },
  },
  'tenant-blocked': {
    says: 'The tenant may not send at all: 550 5.7.705.',
    point: 'MESSAGE',
    fault: { reply: '550 5.7.705 Access denied, tenant has exceeded threshold [server time session]' },
  },
  'unregistered-domain': {
    says: "The sender's domain is not one of the tenant's: 550 5.7.750.",
    point: 'MESSAGE',
    fault: {
      reply:
        '550 5.7.750 Service unavailable. Client blocked from sending from unregistered domains. [server time session]',
    },
  },
  'message-too-large': {
    says: 'The message is too large: 552 5.3.4.',
    point: 'MESSAGE',
    fault: { reply: '552 5.3.4 Message size exceeds fixed maximum size' },
  },
  'quit-hangs': { says: 'QUIT is never answered.', point: 'QUIT', fault: { hang: true } },
} as const;

/** Faults that only High Volume Email has. */
export const HVE_FAULTS = {
  'hve-token-expires-soon': {
    says: 'The token is not good for long enough: 535 5.7.142.',
    point: 'AUTH',
    fault: { reply: '535 5.7.142 Token will expire soon [server time session]' },
  },
  'hve-token-expired': {
    says: 'The token has expired: 535 5.7.143.',
    point: 'AUTH',
    fault: { reply: '535 5.7.143 Expired token [server time session]' },
  },
  'hve-permission-missing': {
    says: 'The permission Mail.Send is missing: 535 5.7.144.',
    point: 'AUTH',
    fault: { reply: '535 5.7.144 XOAUTH2 authentication failed. Invalid API permissions. [server time session]' },
  },
  'hve-app-not-allowed': {
    says: 'The app is not among the allowed ones: 550 5.7.240.',
    point: 'AUTH',
    fault: {
      reply:
        '550 5.7.240 The application is not allowed for use with this High Volume Email account [server time session]',
    },
  },
  'hve-not-an-account': {
    says: 'Whoever logs in is no High Volume Email account: 550 5.2.240.',
    point: 'AUTH',
    fault: {
      reply: '550 5.2.240 The authenticating identity is not a High Volume Email account [server time session]',
    },
  },
  'hve-external-recipient': {
    says: 'The recipient is outside the organization: 550 5.7.1.',
    point: 'RCPT',
    fault: {
      reply: '550 5.7.1 High Volume Email delivers to recipients of the organization only [server time session]',
    },
  },
} as const;
