// nodemailer's own reading of addresses, loaded with the first mail.
import type { ParseAddresses } from './checks.ts';

let loading: Promise<ParseAddresses> | undefined;

export function addressParser(): Promise<ParseAddresses> {
  return (loading ??= import('nodemailer/lib/addressparser/index.js').then(({ default: parse }) => parse));
}
