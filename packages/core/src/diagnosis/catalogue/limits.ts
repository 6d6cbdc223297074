// Replies about limits: connections, recipients per message, per hour and per day.

/** Limits reached. */
export const LIMITS = [
  {
    id: 'smtp-recipient-busy',
    class: 'transient',
    match: [{ code: [432], status: ['4.3.2'], words: 'recipient thread limit' }],
    title: "The recipient's mailbox gets too much mail at once",
    cause: 'Exchange limits how many messages it delivers into one mailbox at the same time.',
    remedy: 'Try again after some minutes. Send fewer messages at once to this recipient.',
    source: 'ms-ndr',
    samples: ['432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded'],
  },
  {
    id: 'smtp-sender-busy',
    class: 'slow-down',
    match: [{ status: ['4.3.2'], words: 'sender thread limit' }],
    title: 'The mailbox sends from too many connections at once',
    cause: 'Exchange handles three submissions of one mailbox at a time, counted over every program that uses it.',
    remedy:
      'Go on with fewer connections. If other programs use the mailbox, give each its share of the three, or its own mailbox.',
    retry: { longestWait: 60_000 },
    source: 'tech-community',
    samples: ['432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded'],
  },
  {
    id: 'smtp-too-many-connections',
    class: 'slow-down',
    match: [{ code: [432], status: ['4.3.2'] }],
    title: 'Too many connections for this mailbox',
    cause: 'A mailbox may have three connections at a time, counted over every program and machine that uses it.',
    remedy:
      'Go on with fewer connections, after 5 to 60 seconds. If other programs use the mailbox, give each its share of the three, or its own mailbox.',
    retry: { longestWait: 60_000 },
    source: 'ms-submission',
    samples: [
      '432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information. [Hostname=AM0PR04MB1234.eurprd04.prod.outlook.com]',
    ],
  },
  {
    id: 'smtp-submission-rate',
    class: 'slow-down',
    match: [{ code: [421], status: ['4.4.2'], words: 'submission rate' }],
    title: 'Messages come faster than the server takes them',
    cause:
      'The limit of messages per minute is exceeded. Exchange Online delays above 30 a minute; other servers refuse.',
    remedy: "Wait a minute and go on more slowly: set the account's messages per minute.",
    retry: { wait: 60_000 },
    source: 'public-threads',
    samples: ['421 4.4.2 Message submission rate for this client has exceeded the configured limit'],
  },
  {
    id: 'smtp-daily-recipients',
    class: 'slow-down',
    match: [{ code: [554], status: ['5.2.0'], words: 'submissionquotaexceeded' }],
    title: 'The mailbox has used up its recipients for today',
    cause: 'A mailbox may send to 10 000 recipients within 24 hours; what was sent to them before still counts.',
    remedy:
      'Hold the rest until room comes free, hour by hour, or send from another mailbox. For more, but within the tenant only, there is High Volume Email.',
    retry: { wait: 3_600_000, longestWait: 14_400_000 },
    source: 'ms-submission',
    samples: [
      '554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to process message due to a permanent exception [Hostname=AM9P192MB0935.EURP192.PROD.OUTLOOK.COM]',
    ],
  },
  {
    id: 'smtp-daily-recipients-older',
    class: 'slow-down',
    match: [{ status: ['5.1.90'] }, { status: ['5.2.2'], words: 'submission quota exceeded' }],
    title: 'The mailbox has used up its recipients for today',
    cause:
      'A mailbox may send to 10 000 recipients within 24 hours. If you did not send that many, somebody else does from this account.',
    remedy: 'Look at what was sent. Hold the rest until room comes free, hour by hour.',
    retry: { wait: 3_600_000, longestWait: 14_400_000 },
    source: 'ms-ndr',
    samples: [
      "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients",
      '550 5.2.2 Submission quota exceeded',
    ],
  },
  {
    id: 'smtp-tenant-external-limit',
    class: 'slow-down',
    match: [{ status: ['5.7.232-233'] }],
    title: 'The tenant has used up its external recipients for today',
    cause:
      'All mailboxes of a tenant share a limit of external recipients within 24 hours, which grows with its licences; trial tenants have a small one.',
    remedy:
      'Hold mail to other organizations; mail within the tenant still goes. Room comes free within minutes to 24 hours.',
    portal: 'Exchange admin center > Reports > Mail flow > Tenant outbound external recipients',
    retry: { wait: 900_000, longestWait: 14_400_000 },
    source: 'ms-external-limit',
    samples: [
      "550 5.7.233 - Your message can't be sent because your tenant has exceeded its daily limit for sending email to external recipients (tenant external recipient rate limit). For more information see https://aka.ms/EXONdrs.",
    ],
  },
  {
    id: 'smtp-recipient-hourly-limit',
    class: 'slow-down',
    match: [{ status: ['5.2.121-122'] }],
    title: 'The recipient has got too much mail this hour',
    cause: 'The mailbox takes only so many messages an hour, from you (5.2.121) or from everybody (5.2.122).',
    remedy: 'Try again after an hour, and send fewer messages to this recipient: a digest, for example.',
    retry: { wait: 3_600_000, longestWait: 14_400_000 },
    source: 'ms-ndr',
    samples: [
      "550 5.2.121 Recipient's per hour message receive limit from specific sender exceeded",
      '550 5.2.122 The recipient has exceeded their limit for the number of messages they can receive per hour',
    ],
  },
  {
    id: 'smtp-too-many-recipients',
    class: 'transient',
    match: [{ status: ['4.5.3'] }],
    title: 'Too many recipients in one message',
    cause: 'The server takes only so many recipients at a time; some take at most 200 of one domain.',
    remedy:
      'The recipients accepted so far get the message; send it again to the rest. Split the recipients into smaller groups.',
    source: 'ms-ndr',
    samples: ['452 4.5.3 Too many recipients (AS780090)'],
  },
] as const;
