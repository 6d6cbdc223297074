// A certificate authority that lives as long as one sandbox, and the certificates it gives to servers.
import 'reflect-metadata'; // tsyringe, inside @peculiar/x509, refuses to load without it
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';

/** A certificate and its key, PEM. */
export interface ServerCertificate {
  readonly certificate: string;
  readonly key: string;
}

export interface CertificateAuthority {
  /** Its own certificate, PEM: give it to clients as a trust anchor. */
  readonly ca: string;
  /** Issues a certificate for DNS names and IP addresses. */
  issue(names: readonly string[]): Promise<ServerCertificate>;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY = 86_400_000;

const serialNumber = (): string => `01${randomBytes(15).toString('hex')}`;
const keyPair = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);

const ISSUER = 'CN=Mailgrant sandbox CA, O=Mailgrant sandbox';

/** Valid from yesterday for 30 days by the machine's clock, since that is the clock TLS clients check it against. */
const validity = (): { readonly notBefore: Date; readonly notAfter: Date } => ({
  notBefore: new Date(Date.now() - DAY),
  notAfter: new Date(Date.now() + 30 * DAY),
});

/** Makes an authority that nobody else knows. */
export async function createAuthority(): Promise<CertificateAuthority> {
  const keys = await keyPair();
  const ca = await X509CertificateGenerator.createSelfSigned(
    {
      ...validity(),
      serialNumber: serialNumber(),
      name: ISSUER,
      keys,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return { ca: `${ca.toString('pem')}\n`, issue: (names) => issue(keys, names) };
}

async function issue(authority: webcrypto.CryptoKeyPair, names: readonly string[]): Promise<ServerCertificate> {
  const server = await keyPair();
  const certificate = await X509CertificateGenerator.create(
    {
      ...validity(),
      serialNumber: serialNumber(),
      subject: `CN=${names[0] ?? 'localhost'}`,
      issuer: ISSUER,
      publicKey: server.publicKey,
      signingKey: authority.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension(
          names.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value })),
        ),
        await AuthorityKeyIdentifierExtension.create(authority.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  const key = await webcrypto.subtle.exportKey('pkcs8', server.privateKey);
  return {
    certificate: `${certificate.toString('pem')}\n`,
    key: `${PemConverter.encode(key, 'PRIVATE KEY')}\n`,
  };
}
