// What the SMTP servers show in a TLS handshake: the good certificate, or one that is wrong on demand.
import { createSecureContext, type SecureContext } from 'node:tls';
import { type CertificateAuthority, createAuthority, type ServerCertificate } from './certificates.ts';
import type { CertificateFault } from './exchange/fault.ts';

/** Names the sandbox is known by, on the machine it runs on. */
export const LOOPBACK_NAMES: readonly string[] = ['localhost', '127.0.0.1', '::1'];

const TLS = { minVersion: 'TLSv1.2' } as const;

/** The contexts of a TLS server: the good one, and those made when somebody asks for a wrong one. */
export class ServerContexts {
  readonly #authority: CertificateAuthority;
  readonly #good: SecureContext;
  readonly #wrong = new Map<CertificateFault, Promise<SecureContext>>();

  constructor(authority: CertificateAuthority, { certificate: cert, key }: ServerCertificate) {
    this.#authority = authority;
    this.#good = createSecureContext({ cert, key, ...TLS });
  }

  async get(fault?: CertificateFault): Promise<SecureContext> {
    if (fault === undefined) return this.#good;
    const made = this.#wrong.get(fault) ?? this.#make(fault);
    this.#wrong.set(fault, made);
    return made;
  }

  async #make(fault: CertificateFault): Promise<SecureContext> {
    const { certificate: cert, key } =
      fault === 'wrong-host'
        ? await this.#authority.issue(['mail.example.com'])
        : await (await createAuthority()).issue(LOOPBACK_NAMES);
    return createSecureContext({ cert, key, ...TLS });
  }
}
