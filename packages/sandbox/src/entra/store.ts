// What Entra remembers between requests: codes, refresh tokens, device codes, wrong passwords.
import { createHash, randomBytes, randomInt } from 'node:crypto';
import type { RequestedScope } from './scope.ts';

/** A sign-in: who, for which app, when and how. Codes and refresh tokens carry it on. */
export interface SignIn {
  readonly tenantId: string;
  readonly clientId: string;
  /** The user's object id. */
  readonly user: string;
  readonly scope: RequestedScope;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly mfa: boolean;
  /** The user's password then: a change of it ends the sign-in. */
  readonly password: string;
  readonly nonce: string | undefined;
}

interface Code {
  readonly signIn: SignIn;
  readonly redirectUri: string;
  readonly challenge: { readonly method: 'S256' | 'plain'; readonly value: string } | undefined;
  readonly expiresAt: number;
  redeemed: boolean;
}

interface RefreshToken {
  readonly signIn: SignIn;
  readonly issuedAt: number;
  replaced: boolean;
  revoked: boolean;
}

interface DeviceCode {
  readonly deviceCode: string;
  readonly userCode: string;
  readonly clientId: string;
  readonly tenant: string;
  readonly scope: RequestedScope;
  readonly expiresAt: number;
  polledAt: number | undefined;
  state: 'pending' | 'declined' | 'redeemed' | SignIn;
}

export type { Code, DeviceCode, RefreshToken };

/** Tokens are kept by their hash, as a careful server would. */
const keyOf = (token: string): string => createHash('sha256').update(token).digest('base64url');
const opaque = (prefix: string, bytes: number): string => `${prefix}${randomBytes(bytes).toString('base64url')}`;

// Letters and digits that cannot be taken for one another.
const USER_CODE = 'ABCDEFGHJKLMNPQRSTUVWXYZ';
const LOCK_AFTER = 10;
const LOCK_TIME = 60_000;

export class EntraStore {
  readonly #codes = new Map<string, Code>();
  readonly #refreshTokens = new Map<string, RefreshToken>();
  readonly #devices = new Map<string, DeviceCode>();
  readonly #wrong = new Map<string, { count: number; at: number }>();

  createCode(code: Omit<Code, 'redeemed'>): string {
    const text = opaque('1.', 96);
    this.#codes.set(keyOf(text), { ...code, redeemed: false });
    return text;
  }

  code(text: string): Code | undefined {
    return this.#codes.get(keyOf(text));
  }

  createRefreshToken(signIn: SignIn, now: number): string {
    const text = opaque('1.', 300);
    this.#refreshTokens.set(keyOf(text), { signIn, issuedAt: now, replaced: false, revoked: false });
    return text;
  }

  refreshToken(text: string): RefreshToken | undefined {
    return this.#refreshTokens.get(keyOf(text));
  }

  /** Ends every sign-in of a user. */
  revoke(user: string): void {
    for (const token of this.#refreshTokens.values()) if (token.signIn.user === user) token.revoked = true;
  }

  createDeviceCode(code: Pick<DeviceCode, 'clientId' | 'tenant' | 'scope' | 'expiresAt'>): DeviceCode {
    const userCode = Array.from({ length: 9 }, () => USER_CODE[randomInt(USER_CODE.length)]).join('');
    const made: DeviceCode = {
      ...code,
      deviceCode: opaque('DAQ', 120),
      userCode,
      polledAt: undefined,
      state: 'pending',
    };
    this.#devices.set(keyOf(made.deviceCode), made);
    return made;
  }

  deviceCode(text: string): DeviceCode | undefined {
    return this.#devices.get(keyOf(text));
  }

  userCode(text: string): DeviceCode | undefined {
    const wanted = text.trim().toUpperCase();
    return [...this.#devices.values()].find(({ userCode }) => userCode === wanted);
  }

  /** Whether too many wrong passwords were given just now. */
  locked(user: string, now: number): boolean {
    const wrong = this.#wrong.get(user);
    return wrong !== undefined && wrong.count >= LOCK_AFTER && now - wrong.at < LOCK_TIME;
  }

  wrongPassword(user: string, now: number): void {
    this.#wrong.set(user, { count: (this.#wrong.get(user)?.count ?? 0) + 1, at: now });
  }

  rightPassword(user: string): void {
    this.#wrong.delete(user);
  }
}
