// Certificates good and bad, written by hand (RFC 5280), so that tests of TLS need no files, no tools and no library.
import { type KeyObject, generateKeyPairSync, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';

/** What a TLS server shows; the issuer's certificate is sent along where there is one between it and the root. */
export interface ServerCertificate {
  readonly cert: string;
  readonly key: string;
}

interface CertificateOptions {
  /** DNS names and IPv4 addresses it is for; none: a certificate without that extension. Default: localhost and 127.0.0.1. */
  readonly names?: readonly string[];
  readonly commonName?: string;
  /** Days from now. Default: -1 to 1. */
  readonly from?: number;
  readonly until?: number;
  /** Default: to serve, as it should be. */
  readonly purpose?: 'server' | 'client';
}

/** Somebody who issues certificates. */
export interface Authority {
  /** Its own certificate, PEM: the trust anchor. */
  readonly ca: string;
  issue(options?: CertificateOptions): ServerCertificate;
  /** A certificate signed with the key of an ordinary server certificate, which is no authority. */
  issueFromLeaf(): ServerCertificate;
}

interface Pair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

const DAY = 86_400_000;

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const { length } = body;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
}

const sequence = (...parts: Uint8Array[]): Buffer => der(0x30, ...parts);
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));
const text = (value: string): Buffer => der(0x0c, Buffer.from(value));
const utcTime = (date: Date): Buffer =>
  der(0x17, Buffer.from(`${date.toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`));
const distinguishedName = (commonName: string): Buffer =>
  sequence(der(0x31, sequence(oid('550403'), text(commonName))));
const extension = (id: string, value: Uint8Array): Buffer => sequence(oid(id), der(0x04, value));
const ECDSA_WITH_SHA256 = sequence(oid('2a8648ce3d040302'));
const TRUE = der(0x01, Buffer.from([0xff]));

const keyPair = (): Pair => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const keyOf = ({ privateKey }: Pair): string => privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

function generalName(name: string): Buffer {
  return isIPv4(name) ? der(0x87, Buffer.from(name.split('.').map(Number))) : der(0x82, Buffer.from(name));
}

function leafExtensions({ names = ['localhost', '127.0.0.1'], purpose = 'server' }: CertificateOptions): Buffer[] {
  const usage = extension('551d25', sequence(oid(purpose === 'server' ? '2b06010505070301' : '2b06010505070302')));
  return names.length === 0 ? [usage] : [usage, extension('551d11', sequence(...names.map(generalName)))];
}

let serial = 0;

function certificate(
  subject: string,
  { publicKey }: Pair,
  issuer: string,
  { privateKey }: Pair,
  { from = -1, until = 1 }: CertificateOptions,
  extensions: readonly Uint8Array[],
): string {
  serial += 1;
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([0x40, serial >> 8, serial & 0xff])),
    ECDSA_WITH_SHA256,
    distinguishedName(issuer),
    sequence(utcTime(new Date(Date.now() + from * DAY)), utcTime(new Date(Date.now() + until * DAY))),
    distinguishedName(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = der(0x03, Buffer.from([0]), sign('sha256', body, privateKey));
  const base64 = sequence(body, ECDSA_WITH_SHA256, signature).toString('base64');
  const lines = base64.match(/.{1,64}/g)?.join('\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

export function createAuthority(name = 'Test authority'): Authority {
  const authority = keyPair();
  const isAuthority = sequence(oid('551d13'), TRUE, der(0x04, sequence(TRUE)));
  const issue = (options: CertificateOptions = {}): ServerCertificate => {
    const pair = keyPair();
    const subject = options.commonName ?? options.names?.[0] ?? 'localhost';
    return { cert: certificate(subject, pair, name, authority, options, leafExtensions(options)), key: keyOf(pair) };
  };
  return {
    ca: certificate(name, authority, name, authority, {}, [isAuthority]),
    issue,
    issueFromLeaf() {
      const between = keyPair();
      const pair = keyPair();
      const cert = certificate('localhost', pair, 'other.example', between, {}, leafExtensions({}));
      const options = { names: ['other.example'] };
      const parent = certificate('other.example', between, name, authority, {}, leafExtensions(options));
      return { cert: cert + parent, key: keyOf(pair) };
    },
  };
}

/** A certificate that vouches for itself. */
export function selfSigned(): ServerCertificate {
  const pair = keyPair();
  return { cert: certificate('localhost', pair, 'localhost', pair, {}, leafExtensions({})), key: keyOf(pair) };
}
