// Client certificates and the assertions signed with them, as an app makes them.
import 'reflect-metadata';
import { PemConverter, X509CertificateGenerator } from '@peculiar/x509';
import { createHash, createPrivateKey, type KeyObject, randomUUID, webcrypto, X509Certificate } from 'node:crypto';
import { type JWTHeaderParameters, SignJWT } from 'jose';

export interface ClientCertificate {
  readonly pem: string;
  readonly key: KeyObject;
  readonly der: Buffer;
  readonly sha256: string;
  readonly sha1: string;
}

const RSA = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
};
const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

export async function createCertificate(kind: 'rsa' | 'ec', notAfter: number): Promise<ClientCertificate> {
  const algorithm = kind === 'rsa' ? RSA : EC;
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const certificate = await X509CertificateGenerator.createSelfSigned(
    { name: 'CN=mailer', keys, signingAlgorithm: algorithm, notBefore: new Date(0), notAfter: new Date(notAfter) },
    webcrypto,
  );
  const pem = certificate.toString('pem');
  const der = new X509Certificate(pem).raw;
  const digest = (name: string) => createHash(name).update(der).digest('base64url');
  const exported = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  const key = createPrivateKey(PemConverter.encode(exported, 'PRIVATE KEY'));
  return { pem, key, der, sha256: digest('sha256'), sha1: digest('sha1') };
}

/** The form fields of an assertion; `claims` and `header` change single parts of a good one. */
export async function assertionFields(
  { clientId, endpoint, now }: { readonly clientId: string; readonly endpoint: string; readonly now: number },
  certificate: ClientCertificate,
  header: Partial<JWTHeaderParameters> & Record<string, unknown> = { 'x5t#S256': certificate.sha256 },
  claims: Readonly<Record<string, unknown>> = {},
): Promise<Record<string, string | undefined>> {
  const seconds = Math.floor(now / 1000);
  const payload = { iss: clientId, sub: clientId, aud: endpoint, jti: randomUUID(), nbf: seconds, exp: seconds + 600 };
  const alg = certificate.key.asymmetricKeyType === 'ec' ? 'ES256' : 'PS256';
  const jwt = new SignJWT({ ...payload, ...claims }).setProtectedHeader({ alg, typ: 'JWT', ...header });
  return {
    client_secret: undefined,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: await jwt.sign(certificate.key),
  };
}
