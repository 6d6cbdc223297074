// Who may log in, with which tokens: one user, a token that fits into an AUTH line and one that does not.
import { createHash, randomBytes } from 'node:crypto';

export interface Accounts {
  readonly user: string;
  /** Short enough for `AUTH XOAUTH2 …` within 512 octets (RFC 4954 section 4). */
  readonly short: string;
  /** As long as Microsoft's: it has to follow the AUTH command. */
  readonly long: string;
  /** Nobody takes this one. */
  readonly wrong: string;
  /** Whose token it is; `undefined` for tokens nobody issued. */
  owner(token: string): string | undefined;
  /** SHA-256, in hexadecimal, of every response that logs in, for servers that compare text. */
  digests(mechanism: 'XOAUTH2' | 'OAUTHBEARER', ports: readonly number[]): string[];
}

const token = (length: number): string => randomBytes(length).toString('base64url').slice(0, length);

export function createAccounts(): Accounts {
  const user = 'sender@interop.example';
  const short = token(120);
  const long = token(2_400);
  const valid = [short, long];
  return {
    user,
    short,
    long,
    wrong: token(600),
    owner: (presented) => (valid.includes(presented) ? user : undefined),
    digests: (mechanism, ports) =>
      valid
        .flatMap((each) =>
          mechanism === 'XOAUTH2'
            ? [`user=${user}\x01auth=Bearer ${each}\x01\x01`]
            : ports.map((port) => `n,a=${user},\x01host=127.0.0.1\x01port=${port}\x01auth=Bearer ${each}\x01\x01`),
        )
        .map((response) => createHash('sha256').update(response).digest('hex')),
  };
}
