// Self-signed certificates, written by hand (RFC 5280), so that the tests need no files, no tools and no library.
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  readonly raw: Buffer;
}

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const { length } = body;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
}

const sequence = (...parts: Uint8Array[]): Buffer => der(0x30, ...parts);
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));
const utcTime = (time: number): Buffer =>
  der(0x17, Buffer.from(`${new Date(time).toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`));
const named = (name: string): Buffer => sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(name)))));

interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

let rsa: KeyPair | undefined;

interface Names {
  readonly subject: string;
  readonly issuer: string;
}

/** @param notAfter epoch milliseconds */
export function selfSigned(notAfter: number = Date.now() + 86_400_000, type: 'rsa' | 'ec' = 'rsa'): TestCertificate {
  const keys = type === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : rsaKeys();
  return made({ subject: 'mailgrant test', issuer: 'mailgrant test' }, keys, keys.privateKey, notAfter);
}

/** A certificate with an RSA key, and behind it those of the two authorities that issued it, the nearer first. */
export function issuedBySomebody(): {
  readonly leaf: TestCertificate;
  readonly authorities: readonly TestCertificate[];
} {
  const [root, between] = [0, 1].map(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }));
  if (root === undefined || between === undefined) throw new Error('no keys');
  const notAfter = Date.now() + 86_400_000;
  return {
    leaf: made({ subject: 'mailgrant leaf', issuer: 'mailgrant issuer' }, rsaKeys(), between.privateKey, notAfter),
    authorities: [
      made({ subject: 'mailgrant issuer', issuer: 'mailgrant root' }, between, root.privateKey, notAfter),
      made({ subject: 'mailgrant root', issuer: 'mailgrant root' }, root, root.privateKey, notAfter),
    ],
  };
}

/** An RSA key takes a tenth of a second of a core; one is enough for a file. */
const rsaKeys = (): KeyPair => (rsa ??= generateKeyPairSync('rsa', { modulusLength: 2048 }));

function made({ subject, issuer }: Names, keys: KeyPair, signer: KeyObject, notAfter: number): TestCertificate {
  const { publicKey, privateKey } = keys;
  const algorithm =
    signer.asymmetricKeyType === 'ec'
      ? sequence(oid('2a8648ce3d040302'))
      : sequence(oid('2a864886f70d01010b'), Buffer.from([5, 0]));
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1])),
    algorithm,
    named(issuer),
    sequence(utcTime(notAfter - 365 * 86_400_000), utcTime(notAfter)),
    named(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
  );
  const signature = sign('sha256', body, signer);
  const raw = sequence(body, algorithm, der(0x03, Buffer.from([0]), signature));
  const pem = raw.toString('base64').replace(/.{1,64}/g, '$&\n');
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${pem}-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey,
    privateKey,
    raw,
  };
}
