// Certificates of applications: read from PEM, checked before Entra has to, thumbprint and end of life computed here.
import { createHash, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Secret } from '@mailgrant/core';
import { bad } from './input.ts';
import { openPfx } from './pfx.ts';

/** A certificate with its private key; files are read again at every request, so that they can be replaced. */
export interface CertificateInput {
  /** PEM: the certificate and its private key, in any order. */
  readonly pem?: string | Uint8Array | undefined;
  readonly pemFile?: string | undefined;
  /** The private key, where it is not in `pem` or `pemFile`. */
  readonly keyFile?: string | undefined;
  /** PKCS #12, as Windows and Key Vault export it. */
  readonly pfx?: Uint8Array | undefined;
  readonly pfxFile?: string | undefined;
  /** What an encrypted key or PFX is opened with. */
  readonly passphrase?: string | Secret | undefined;
  /**
   * Sends the certificate, and those behind it in the same file, with every request (`x5c`). Default `false`: Entra finds the
   * uploaded one by its thumbprint. For app registrations that trust a subject name and its issuer.
   */
  readonly sendChain?: boolean | undefined;
}

/** What may be known of a certificate. */
export interface CertificateFacts {
  /** SHA-256 of the certificate: 64 hexadecimal digits, upper case, without colons. */
  readonly thumbprint: string;
  /** SHA-1 of it, which is what the Entra admin center shows. */
  readonly thumbprintSha1: string;
  readonly subject: string;
  /** Epoch milliseconds. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** A certificate that is ready to sign with. */
export interface LoadedCertificate extends CertificateFacts {
  /** PKCS #8, PEM, not encrypted. */
  readonly privateKey: Secret;
  /** PEM: the certificate, then each the issuer of the one before (RFC 7515 section 4.1.6), as far as there are any. */
  readonly chain: string;
}

/** @throws TypeError `ERR_INPUT_OPTION` unless exactly one source of a certificate is named. */
export function checkCertificateInput(input: CertificateInput): void {
  const sources = [input.pem, input.pemFile, input.pfx, input.pfxFile].filter((source) => source !== undefined);
  if (sources.length !== 1) throw bad('certificate needs one of pem, pemFile, pfx, pfxFile');
  if (input.keyFile !== undefined && (input.pfx !== undefined || input.pfxFile !== undefined)) {
    throw bad('certificate.keyFile goes with pem or pemFile: a PFX holds its key');
  }
  if (input.sendChain !== undefined && typeof input.sendChain !== 'boolean') {
    throw bad('certificate.sendChain must be true or false');
  }
}

/**
 * Reads a certificate and says what Entra will know it by.
 * @throws TypeError `ERR_INPUT_OPTION` when it cannot serve: no RSA key, a key of another certificate, a wrong passphrase.
 * @throws Error of `node:fs` when a file cannot be read.
 */
export async function readCertificate(input: CertificateInput): Promise<CertificateFacts> {
  const { privateKey: _, chain: __, ...facts } = await loadCertificate(input);
  return facts;
}

export async function loadCertificate(input: CertificateInput): Promise<LoadedCertificate> {
  checkCertificateInput(input);
  const { certificate, others, key } =
    input.pfx !== undefined || input.pfxFile !== undefined ? await fromPfx(input) : await fromPem(input);
  const { asymmetricKeyType: type = 'unknown' } = key;
  if (type !== 'rsa') throw bad(`certificate must have an RSA key, this one's is ${type}: Entra ID takes no other`);
  if (!certificate.checkPrivateKey(key)) throw bad('certificate and private key do not belong together');
  const digest = (name: string): string => createHash(name).update(certificate.raw).digest('hex').toUpperCase();
  return {
    thumbprint: digest('sha256'),
    thumbprintSha1: digest('sha1'),
    subject: certificate.subject,
    notBefore: Date.parse(certificate.validFrom),
    notAfter: Date.parse(certificate.validTo),
    privateKey: new Secret(key.export({ type: 'pkcs8', format: 'pem' }).toString()),
    chain: chainOf(certificate, others).join(''),
  };
}

function chainOf(certificate: X509Certificate, others: readonly X509Certificate[]): readonly X509Certificate[] {
  const chain = [certificate];
  const follows = (one: X509Certificate): boolean =>
    !chain.some((known) => known.raw.equals(one.raw)) && (chain.at(-1)?.checkIssued(one) ?? false);
  for (let next = others.find(follows); next !== undefined; next = others.find(follows)) chain.push(next);
  return chain;
}

interface Pair {
  readonly certificate: X509Certificate;
  /** What else the file holds. */
  readonly others: readonly X509Certificate[];
  readonly key: KeyObject;
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[^-]+-----END \1-----/g;

async function fromPem({ pem, pemFile, keyFile, passphrase }: CertificateInput): Promise<Pair> {
  const text = pem === undefined ? await readFile(pemFile ?? '', 'utf8') : Buffer.from(pem).toString();
  const blocks = [
    ...text.matchAll(BLOCK),
    ...(keyFile === undefined ? [] : (await readFile(keyFile, 'utf8')).matchAll(BLOCK)),
  ];
  const keys = blocks.filter(([, label = '']) => label.endsWith('PRIVATE KEY'));
  const [keyPem] = keys[0] ?? [];
  if (keyPem === undefined) throw bad('certificate holds no private key in PEM');
  if (keys.length > 1) throw bad('certificate holds more than one private key');
  const key = openKey(keyPem, passphrase);
  const certificates = blocks.filter(([, label]) => label === 'CERTIFICATE').map(([block]) => parse(block));
  if (certificates.length === 0) throw bad('certificate holds no certificate in PEM');
  // With its chain behind or before it: the one the key belongs to.
  const certificate = certificates.find((one) => one.checkPrivateKey(key)) ?? certificates[0];
  if (certificate === undefined) throw bad('certificate holds no certificate in PEM');
  return { certificate, others: certificates, key };
}

function openKey(pem: string, passphrase: string | Secret | undefined): KeyObject {
  const phrase = passphrase instanceof Secret ? passphrase.reveal() : passphrase;
  try {
    return createPrivateKey({ key: pem, ...(phrase !== undefined && { passphrase: phrase }) });
  } catch (error) {
    if (!pem.includes('ENCRYPTED')) throw bad('certificate has a private key that cannot be read');
    if (phrase === undefined) throw bad('certificate has an encrypted private key: passphrase must be given');
    const { code } = error as { code?: unknown };
    throw bad(
      code === 'ERR_OSSL_UNSUPPORTED'
        ? 'certificate has a private key encrypted in a way this Node.js cannot read'
        : 'certificate has an encrypted private key that this passphrase does not open',
    );
  }
}

function parse(bytes: string | Uint8Array): X509Certificate {
  try {
    return new X509Certificate(bytes);
  } catch {
    throw bad('certificate cannot be read as X.509'); // what OpenSSL says besides helps nobody
  }
}

async function fromPfx({ pfx, pfxFile, passphrase }: CertificateInput): Promise<Pair> {
  const bytes = pfx ?? (await readFile(pfxFile ?? ''));
  const phrase = passphrase instanceof Secret ? passphrase.reveal() : (passphrase ?? '');
  const { keys, certificates } = openPfx(bytes, phrase);
  if (keys.length > 1) throw bad('certificate.pfx holds more than one private key');
  const [der] = keys;
  if (der === undefined) throw bad('certificate.pfx holds no private key: export it again, with its key');
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' });
  } catch {
    throw bad('certificate.pfx has a private key that cannot be read');
  }
  const parsed = certificates.map(parse);
  const certificate = parsed.find((one) => one.checkPrivateKey(key)) ?? parsed[0];
  if (certificate === undefined) throw bad('certificate.pfx holds no certificate');
  return { certificate, others: parsed, key };
}
