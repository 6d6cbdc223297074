/** A complete server reply (RFC 5321 section 4.2). */
export interface Reply {
  /** Three digits, 200 to 599. */
  readonly code: number;
  /** Enhanced status code such as `5.7.3` (RFC 3463), present when the server sent one whose class agrees with `code`. */
  readonly status: string | undefined;
  /** The text of each line, without code and separator; control characters are shown as `\xNN`. */
  readonly lines: readonly string[];
}

/** `550 5.1.1 No such user`: the reply as one line for messages and logs. */
export function replyText(reply: Reply): string {
  return `${reply.code} ${reply.lines.join(' ')}`.trimEnd();
}
