// Replies of Gmail, which puts "gsmtp" at the end of all it says.

/** What Gmail and Google Workspace say. */
export const GMAIL = [
  {
    id: 'gmail-password-used',
    class: 'admin',
    match: [{ code: [534], status: ['5.7.9', '5.7.14'] }],
    title: 'Gmail does not take this password',
    cause:
      'The login used the password of the account where Google wants OAuth (or a password made for the application).',
    remedy: 'Log in with XOAUTH2 and a token for the scope https://mail.google.com/.',
    source: 'google',
    samples: [
      '534-5.7.9 Application-specific password required. For more information, go to\n534 5.7.9  https://support.google.com/mail/?p=InvalidSecondFactor 4fb4d7f45d1cf-5c3ee6e0a0bsm1234567a12.3 - gsmtp',
    ],
  },
  {
    id: 'gmail-daily-limit',
    class: 'slow-down',
    match: [{ code: [550], status: ['5.4.5'] }],
    title: 'The Gmail account has used up its mail for today',
    cause:
      'A personal account sends 500 messages a day, a Workspace account 2 000; the limit frees itself within 24 hours.',
    remedy: 'Hold the rest until tomorrow. For more, use the SMTP relay of Google Workspace.',
    retry: { wait: 3_600_000, longestWait: 14_400_000 },
    source: 'google',
    samples: [
      '550 5.4.5 Daily user sending limit exceeded. For more information on Gmail sending limits go to https://support.google.com/a/answer/166852 - gsmtp',
    ],
  },
  {
    id: 'gmail-try-later',
    class: 'transient',
    match: [{ code: [421], status: ['4.7.0'], words: 'gsmtp' }],
    title: 'Gmail wants to be left alone for a while',
    cause: 'Gmail says this on a passing problem and to clients that come too often.',
    remedy: 'Try again later, with fewer connections.',
    source: 'google',
    samples: ['421 4.7.0 Try again later, closing connection. (EHLO) 4fb4d7f45d1cf-5c3ee6e0a0bsm1234567a12.3 - gsmtp'],
  },
  {
    id: 'gmail-too-many-recipients',
    class: 'transient',
    match: [{ code: [452], status: ['4.5.3'], words: 'gsmtp' }],
    title: 'Too many recipients in one message for Gmail',
    cause: 'Gmail takes only so many recipients in one transaction, and of some domains fewer.',
    remedy: 'The recipients accepted so far get the message; send it again to the rest, in smaller groups.',
    source: 'google',
    samples: [
      "452 4.5.3 Your message has too many recipients. For more information regarding Google's sending limits, go to https://support.google.com/a/answer/166852 - gsmtp",
    ],
  },
] as const;
