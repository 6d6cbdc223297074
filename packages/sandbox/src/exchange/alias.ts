// Exchange shows a sender's primary address, not the alias it wrote as, unless the organization allows aliases.

/** The message with `alias` replaced by `primary` in its From field; everything else byte for byte. */
export function rewriteFrom(raw: Buffer, alias: string, primary: string): Buffer {
  const end = raw.indexOf('\r\n\r\n');
  const head = raw.subarray(0, end === -1 ? raw.length : end + 2).toString('latin1');
  const pattern = new RegExp(alias.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`), 'gi');
  const written = head.replaceAll(/^From:.*(?:\r\n[ \t].*)*/gim, (field) => field.replaceAll(pattern, () => primary));
  return Buffer.concat([Buffer.from(written, 'latin1'), raw.subarray(Buffer.byteLength(head, 'latin1'))]);
}
