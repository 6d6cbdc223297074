// Replies about the message itself.

/** Messages that are refused for what they are. */
export const MESSAGES = [
  {
    id: 'smtp-header-too-big',
    class: 'message',
    match: [{ status: ['5.3.4'], words: 'header size' }],
    title: 'The header of the message is too big',
    cause: 'The header holds more than the server takes, mostly too many addresses in To and Cc.',
    remedy:
      'Put fewer addresses into the header, or send in groups. If the header is small, this is an old fault of Exchange with small writes: report it.',
    source: 'mailkit-904',
    samples: ['552 5.3.4 Header size exceeds fixed maximum size'],
  },
  {
    id: 'smtp-message-too-big',
    class: 'message',
    match: [{ status: ['5.3.4', '5.2.3'] }],
    title: 'The message is too big',
    cause:
      'The message, with its attachments in base64 a third larger than the files, exceeds the limit of the server or the mailbox.',
    remedy:
      'Send a link instead of the attachment. A Microsoft 365 mailbox sends 35 MB by default, up to 150 MB if raised; High Volume Email takes 10 MB.',
    command: 'Set-Mailbox -Identity <mailbox> -MaxSendSize 100MB',
    source: 'unconfirmed',
    samples: [
      '552 5.3.4 Message size exceeds fixed maximum message size',
      '550 5.2.3 RESOLVER.RST.SendSizeLimit.Sender; message too large for this sender',
    ],
  },
  {
    id: 'smtp-from-missing',
    class: 'message',
    match: [{ status: ['5.7.512'] }],
    title: 'The message has no valid From header',
    cause: 'The header must have exactly one From with a proper address (RFC 5322 section 3.6.2).',
    remedy: 'Set From to one address. Do not write the header by hand; use the composer.',
    source: 'ms-ndr',
    samples: ['550 5.7.512 Access denied, message must be RFC 5322 section 3.6.2 compliant'],
  },
  {
    id: 'smtp-bare-line-feed',
    class: 'message',
    match: [{ status: ['5.6.11'] }],
    title: 'The message has bare line feeds',
    cause: 'A line in the message ended in LF alone, which this server refuses (RFC 5321 section 2.3.8).',
    remedy:
      'Every line must end in CRLF. Mailgrant repairs that on the way out: report it as a bug if it sent this message.',
    source: 'ms-ndr',
    samples: [
      '550 5.6.11 SMTPSEND.BareLinefeedsAreIllegal; message contains bare linefeeds, which cannot be sent via DATA',
    ],
  },
] as const;
