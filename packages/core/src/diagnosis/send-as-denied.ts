// The two addresses in "SendAsDenied; a@x not allowed to send as b@y; …".

/** Who logged in and whom the message was from. */
export interface SendAsDenied {
  /** The address that logged in. */
  readonly login: string;
  /** The From address it may not use. */
  readonly sender: string;
}

const BETWEEN = ' not allowed to send as ';
/** The longest address SMTP allows (RFC 5321 section 4.5.3.1), and a little. */
const LONGEST = 330;

/** Reads both addresses; `undefined` if the text does not have this form. */
export function parseSendAsDenied(text: string): SendAsDenied | undefined {
  const at = text.indexOf(BETWEEN);
  if (at < 0) return undefined;
  const login =
    text
      .slice(Math.max(0, at - LONGEST), at)
      .split(/[\s;]/)
      .at(-1) ?? '';
  const start = at + BETWEEN.length;
  const sender = text.slice(start, start + LONGEST).split(/[\s;]/, 1)[0] ?? '';
  return isAddress(login) && isAddress(sender) ? { login, sender } : undefined;
}

function isAddress(text: string): boolean {
  return /^[^\s@<>"'`$]{1,256}@[A-Za-z0-9.-]{1,255}$/.test(text);
}
