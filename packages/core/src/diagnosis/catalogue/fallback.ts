// What a reply means that no entry knows: by its code, its enhanced status code and who it was about, never by its text.

/** Replies without an entry of their own. */
export const FALLBACK = [
  {
    id: 'smtp-service-closing',
    class: 'transient',
    title: 'The server is closing the connection',
    cause: 'Code 421 ends the session (RFC 5321 section 3.8); the server is going down or wants fewer clients.',
    remedy: 'Connect again after a while.',
    source: 'rfc',
  },
  {
    id: 'smtp-temporary',
    class: 'transient',
    title: 'The server says: not now',
    cause: 'A code beginning with 4 is about a condition that passes (RFC 5321 section 4.2.1).',
    remedy: 'Try again later. If it goes on for hours, show the text of the answer to whoever runs the server.',
    source: 'rfc',
  },
  {
    id: 'smtp-login-refused',
    class: 'token',
    title: 'The server does not accept this access token',
    cause: 'Code 535 refuses the credentials without saying which part of them (RFC 4954 section 6).',
    remedy: 'Try once with a new token. If that is refused too, check user, scope and rights of the account.',
    source: 'rfc',
  },
  {
    id: 'smtp-login-impossible',
    class: 'admin',
    title: 'The server does not let this account log in',
    cause: 'The server refused AUTH for good, for another reason than the credentials.',
    remedy: 'Read its text; the settings of the account or the server must change.',
    source: 'rfc',
  },
  {
    id: 'smtp-service-refused',
    class: 'admin',
    title: 'The server does not serve this client',
    cause: 'It refused the session before any message, often for the IP address or the name this client gives itself.',
    remedy: 'Check host and port of the account, then ask whoever runs the server.',
    source: 'rfc',
  },
  {
    id: 'smtp-sender-refused',
    class: 'admin',
    aboutSender: true,
    title: 'The server refuses the sender address',
    cause: 'This login may not use the address, or the server does not like it.',
    remedy: 'Send as the mailbox that logs in, or have the address allowed.',
    source: 'rfc',
  },
  {
    id: 'smtp-recipient-refused',
    class: 'recipient',
    title: 'The server refuses this recipient',
    cause: 'The server will not take mail for this address from here.',
    remedy: 'Check the address, or take it off the list. The other recipients are not concerned.',
    source: 'rfc',
  },
  {
    id: 'smtp-message-refused',
    class: 'message',
    title: 'The server refuses this message',
    cause: 'The server will not take the message as it is.',
    remedy:
      'Read its text, and do not send the same again. If every message is refused, the reason is the account, not the message.',
    source: 'rfc',
  },
  {
    id: 'smtp-unexpected-reply',
    class: 'transient',
    title: 'This answer is not a refusal',
    cause: 'A code beginning with 2 or 3 means that the server agrees (RFC 5321 section 4.2.1).',
    remedy: 'Nothing needs doing. If it came with an error, look at the error.',
    source: 'rfc',
  },
] as const;

/** The second number of an enhanced status code: what the reply is about (RFC 3463 section 3). */
export const SUBJECTS: Readonly<Record<string, string>> = {
  '1': 'The status is about an address.',
  '2': 'The status is about a mailbox.',
  '3': 'The status is about the mail system.',
  '4': 'The status is about network or routing.',
  '5': 'The status is about the protocol.',
  '6': 'The status is about the content of the message.',
  '7': 'The status is about security or policy.',
};
