import type { Secret } from '../secret.ts';

/** How an access token is presented: XOAUTH2, as Google and Microsoft have it, or OAUTHBEARER (RFC 7628). */
export type MechanismName = 'XOAUTH2' | 'OAUTHBEARER';

/** A client-first SASL mechanism that carries a bearer token (RFC 4422 section 5). */
export interface Mechanism {
  readonly name: MechanismName;
  /** The access token, to be taken out of what the server says. */
  readonly token: Secret;
  /** The initial response in base64. */
  readonly initialResponse: Secret;
  /** What to answer to the server's error challenge, in base64, so that it can go on to refuse. */
  readonly errorAnswer: string;
}
