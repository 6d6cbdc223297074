import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret } from '@mailgrant/core';
import { afterAll, describe, expect, test } from 'vitest';
import { selfSigned } from '../test/certificates.ts';
import { MODERN_PFX, PASSPHRASE, RC2_PFX, THUMBPRINT, TRIPLE_DES_PFX } from '../test/pfx.ts';
import { type CertificateInput, loadCertificate, readCertificate } from './certificate.ts';

const dir = mkdtempSync(join(tmpdir(), 'mailgrant-certificate-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const encrypted = (passphrase: string): string =>
  selfSigned().privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }).toString();

test('a thumbprint is hexadecimal without the colons that Node.js prints, and the end is known', async () => {
  const notAfter = Date.UTC(2027, 0, 2, 3, 4, 5);
  const { cert, key } = selfSigned(notAfter);
  expect(await readCertificate({ pem: key + cert })).toEqual({
    thumbprint: expect.stringMatching(/^[\dA-F]{64}$/),
    thumbprintSha1: expect.stringMatching(/^[\dA-F]{40}$/),
    subject: 'CN=mailgrant test',
    notBefore: notAfter - 365 * 86_400_000,
    notAfter,
  });
});

test('the certificate is the one the key belongs to, wherever it stands in the chain', async () => {
  const { cert, key } = selfSigned();
  const { cert: other } = selfSigned(undefined, 'ec');
  const facts = await readCertificate({ pem: cert + key });
  expect(await readCertificate({ pem: other + cert + key })).toEqual(facts);
});

test('files are read: the certificate, its key in a file of its own, a PFX', async () => {
  const { cert, key } = selfSigned();
  const file = (name: string, content: string | Uint8Array): string => {
    writeFileSync(join(dir, name), content);
    return join(dir, name);
  };
  const [pemFile, keyFile] = [file('cert.pem', cert), file('key.pem', key)];
  expect(await readCertificate({ pemFile, keyFile })).toEqual(await readCertificate({ pem: Buffer.from(cert + key) }));
  const pfxFile = file('app.pfx', MODERN_PFX);
  expect(await readCertificate({ pfxFile, passphrase: PASSPHRASE })).toMatchObject({ thumbprint: THUMBPRINT });
});

test('an encrypted key is opened with the passphrase', async () => {
  const pem = selfSigned().cert + encrypted('correct horse');
  const { privateKey } = await loadCertificate({ pem, passphrase: new Secret('correct horse') });
  expect(privateKey.reveal()).toBe(selfSigned().key);
});

describe('a PFX', () => {
  test.for([
    ['with AES-256', MODERN_PFX],
    ['with Triple-DES', TRIPLE_DES_PFX],
  ] as const)('%s is opened', async ([, pfx]) => {
    expect(await readCertificate({ pfx, passphrase: PASSPHRASE })).toMatchObject({ thumbprint: THUMBPRINT });
  });

  test('that is cut or changed anywhere is refused in words, not by accident', async () => {
    for (const pfx of [MODERN_PFX, TRIPLE_DES_PFX]) {
      for (let at = 0; at < pfx.length; at += 97) {
        const changed = Uint8Array.from(pfx);
        changed[at] = (changed[at] ?? 0) ^ 0xff;
        for (const damaged of [pfx.subarray(0, at), changed]) {
          const outcome = await readCertificate({ pfx: damaged, passphrase: PASSPHRASE }).catch(
            (error: unknown) => error,
          );
          if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'ERR_INPUT_OPTION' });
          else expect(outcome).toMatchObject({ thumbprint: THUMBPRINT }); // the byte meant nothing
        }
      }
    }
  });
});

const { cert, key } = selfSigned();
const ec = selfSigned(undefined, 'ec');
test.for<[string, CertificateInput, string]>([
  ['an EC key', { pem: ec.cert + ec.key }, "must have an RSA key, this one's is ec"],
  ['an encrypted key without passphrase', { pem: cert + encrypted('a') }, 'passphrase must be given'],
  ['a wrong passphrase', { pem: cert + encrypted('a'), passphrase: 'b' }, 'this passphrase does not open'],
  ['a key of another certificate', { pem: ec.cert + key }, 'do not belong together'],
  ['no key', { pem: cert }, 'no private key'],
  ['two keys', { pem: cert + key + key }, 'more than one private key'],
  ['no certificate', { pem: key }, 'no certificate'],
  ['nothing', {}, 'needs one of'],
  ['a PFX that is none', { pfx: Buffer.from(cert) }, 'no PFX file'],
  ['a PFX and no passphrase', { pfx: MODERN_PFX }, 'does not open'],
  ['a PFX with another passphrase', { pfx: TRIPLE_DES_PFX, passphrase: 'no' }, 'does not open'],
  ['a PFX encrypted with RC2', { pfx: RC2_PFX, passphrase: 'x' }, 'in an old way'],
])('%s is refused in a sentence', async ([, input, message]) => {
  await expect(readCertificate(input)).rejects.toMatchObject({
    code: 'ERR_INPUT_OPTION',
    message: expect.stringContaining(message),
  });
});
