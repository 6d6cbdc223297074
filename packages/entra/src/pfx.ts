// Opens a PFX (PKCS #12, RFC 7292): node:crypto can use one for TLS, but gives its key to nobody.
import { createDecipheriv, createHash, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto';
import { children, CONTEXT_0, type Der, DerError, integer, need, octets, oidText, readDer, SEQUENCE } from './der.ts';
import { bad } from './input.ts';

/** What is in a PFX: private keys as PKCS #8, certificates as X.509, all DER. */
export interface PfxContent {
  readonly keys: readonly Uint8Array[];
  readonly certificates: readonly Uint8Array[];
}

const DATA = '1.2.840.113549.1.7.1';
const ENCRYPTED_DATA = '1.2.840.113549.1.7.6';
const KEY_BAG = '1.2.840.113549.1.12.10.1.1';
const SHROUDED_KEY_BAG = '1.2.840.113549.1.12.10.1.2';
const CERT_BAG = '1.2.840.113549.1.12.10.1.3';
const X509 = '1.2.840.113549.1.9.22.1';
const PBES2 = '1.2.840.113549.1.5.13';
const PBKDF2 = '1.2.840.113549.1.5.12';
const SHA1_3DES = '1.2.840.113549.1.12.1.3';
const HASHES: Readonly<Record<string, string>> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
  '1.2.840.113549.2.7': 'sha1', // as HMAC, in PBKDF2
  '1.2.840.113549.2.9': 'sha256',
  '1.2.840.113549.2.10': 'sha384',
  '1.2.840.113549.2.11': 'sha512',
};
const CIPHERS: Readonly<Record<string, { name: string; key: number }>> = {
  '2.16.840.1.101.3.4.1.2': { name: 'aes-128-cbc', key: 16 },
  '2.16.840.1.101.3.4.1.22': { name: 'aes-192-cbc', key: 24 },
  '2.16.840.1.101.3.4.1.42': { name: 'aes-256-cbc', key: 32 },
  '1.2.840.113549.3.7': { name: 'des-ede3-cbc', key: 24 },
};
/** A file that wants more rounds of hashing than this wants to keep us busy. */
const MOST_ROUNDS = 10_000_000;
const OLD =
  'certificate.pfx is encrypted in an old way (RC2, RC4); export it again with AES-256, in Windows "AES256-SHA256"';

/** @throws TypeError `ERR_INPUT_OPTION` when the passphrase is wrong, or the file damaged or of a kind that is not read here. */
export function openPfx(bytes: Uint8Array, passphrase: string): PfxContent {
  try {
    const [, authSafe, mac] = children(need(readDer(bytes), SEQUENCE));
    const content = octets(contentOf(authSafe, DATA));
    verifyMac(mac, content, passphrase);
    const keys: Uint8Array[] = [];
    const certificates: Uint8Array[] = [];
    for (const info of children(need(readDer(content), SEQUENCE))) {
      for (const bag of children(need(readDer(safeContents(info, passphrase)), SEQUENCE))) {
        const [id, wrapped] = children(need(bag, SEQUENCE));
        const value = children(need(wrapped, CONTEXT_0))[0];
        const kind = oidText(id);
        if (kind === KEY_BAG) keys.push(need(value, SEQUENCE).raw);
        if (kind === SHROUDED_KEY_BAG) keys.push(decrypted(children(need(value, SEQUENCE)), passphrase));
        if (kind === CERT_BAG) {
          const [type, certificate] = children(need(value, SEQUENCE));
          if (oidText(type) === X509) certificates.push(octets(children(need(certificate, CONTEXT_0))[0]));
        }
      }
    }
    return { keys, certificates };
  } catch (error) {
    if (error instanceof DerError) throw bad('certificate.pfx is no PFX file, or a damaged one');
    throw error;
  }
}

function contentOf(info: Der | undefined, type: string): Der | undefined {
  const [id, content] = children(need(info, SEQUENCE));
  if (oidText(id) !== type) throw new DerError('another kind of content');
  return children(need(content, CONTEXT_0))[0];
}

function safeContents(info: Der, passphrase: string): Uint8Array {
  if (oidText(children(need(info, SEQUENCE))[0]) === DATA) return octets(contentOf(info, DATA));
  const [, encrypted] = children(need(contentOf(info, ENCRYPTED_DATA), SEQUENCE));
  const [, algorithm, content] = children(need(encrypted, SEQUENCE));
  return decipher(algorithm, octets(content), passphrase);
}

function decrypted([algorithm, content]: readonly Der[], passphrase: string): Uint8Array {
  return decipher(algorithm, octets(content), passphrase);
}

/** RFC 7292 section 4 and appendix A: the MAC is made with the passphrase, so a wrong one shows here. */
function verifyMac(mac: Der | undefined, content: Uint8Array, passphrase: string): void {
  if (mac === undefined) return; // unprotected: RFC 7292 has it optional
  const [digestInfo, salt, rounds] = children(need(mac, SEQUENCE));
  const [algorithm, expected] = children(need(digestInfo, SEQUENCE));
  const hash = HASHES[oidText(children(need(algorithm, SEQUENCE))[0])];
  if (hash === undefined)
    throw bad('certificate.pfx is protected in a way that is not read here; export it again with AES-256');
  const key = pkcs12Key(
    hash,
    3,
    passphrase,
    octets(salt),
    rounds === undefined ? 1 : integer(rounds),
    digestSize(hash),
  );
  const actual = createHmac(hash, key).update(content).digest();
  const wanted = octets(expected);
  if (actual.length !== wanted.length || !timingSafeEqual(actual, wanted)) {
    throw bad('certificate.passphrase does not open certificate.pfx');
  }
}

function decipher(algorithm: Der | undefined, content: Uint8Array, passphrase: string): Uint8Array {
  const [id, parameters] = children(need(algorithm, SEQUENCE));
  const kind = oidText(id);
  const { name, key, iv } = kind === PBES2 ? pbes2(parameters, passphrase) : pbes1(kind, parameters, passphrase);
  try {
    const cipher = createDecipheriv(name, key, iv);
    return Buffer.concat([cipher.update(content), cipher.final()]);
  } catch {
    throw bad('certificate.passphrase does not open certificate.pfx'); // the padding came out wrong
  }
}

interface CipherInput {
  readonly name: string;
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
}

/** RFC 8018 section 6.2. */
function pbes2(parameters: Der | undefined, passphrase: string): CipherInput {
  const [derivation, encryption] = children(need(parameters, SEQUENCE));
  const [derivationId, derivationParameters] = children(need(derivation, SEQUENCE));
  const [cipherId, iv] = children(need(encryption, SEQUENCE));
  const cipher = CIPHERS[oidText(cipherId)];
  if (oidText(derivationId) !== PBKDF2 || cipher === undefined) throw bad(OLD);
  const [salt, rounds, ...more] = children(need(derivationParameters, SEQUENCE));
  const prf = more.find(({ tag }) => tag === SEQUENCE);
  const hash = prf === undefined ? 'sha1' : HASHES[oidText(children(prf)[0])];
  if (hash === undefined) throw bad(OLD);
  const key = pbkdf2Sync(passphrase, octets(salt), limited(integer(rounds)), cipher.key, hash);
  return { name: cipher.name, key, iv: octets(iv) };
}

/** RFC 7292 appendix C: three-key Triple-DES is what Windows and Key Vault still write. */
function pbes1(kind: string, parameters: Der | undefined, passphrase: string): CipherInput {
  if (kind !== SHA1_3DES) throw bad(OLD);
  const [salt, rounds] = children(need(parameters, SEQUENCE));
  const derive = (id: number, size: number): Uint8Array =>
    pkcs12Key('sha1', id, passphrase, octets(salt), integer(rounds), size);
  return { name: 'des-ede3-cbc', key: derive(1, 24), iv: derive(2, 8) };
}

function limited(rounds: number): number {
  if (rounds < 1 || rounds > MOST_ROUNDS) throw new DerError('too many rounds');
  return rounds;
}

function digestSize(hash: string): number {
  return createHash(hash).digest().length;
}

/** RFC 7292 appendix B.2; `id` is 1 for a key, 2 for an initialisation vector, 3 for a MAC key. */
function pkcs12Key(
  hash: string,
  id: number,
  passphrase: string,
  salt: Uint8Array,
  rounds: number,
  size: number,
): Uint8Array {
  limited(rounds);
  const block = hash === 'sha384' || hash === 'sha512' ? 128 : 64;
  // UTF-16, big-endian, with its terminator (appendix B.1).
  const phrase = Buffer.from(`${passphrase}\0`, 'utf16le').swap16();
  const repeated = (bytes: Uint8Array): Buffer =>
    Buffer.alloc(Math.ceil(bytes.length / block) * block, bytes.length === 0 ? 0 : bytes);
  const input = Buffer.concat([repeated(salt), repeated(phrase)]);
  const diversifier = Buffer.alloc(block, id);
  const parts: Buffer[] = [];
  for (let made = 0; made < size;) {
    let digest = createHash(hash).update(diversifier).update(input).digest();
    for (let round = 1; round < rounds; round += 1) digest = createHash(hash).update(digest).digest();
    parts.push(digest);
    made += digest.length;
    const addend = Buffer.alloc(block, digest);
    for (let at = 0; at < input.length; at += block) {
      let carry = 1;
      for (let i = block - 1; i >= 0; i -= 1) {
        const sum = (input[at + i] ?? 0) + (addend[i] ?? 0) + carry;
        input[at + i] = sum & 0xff;
        carry = sum >> 8;
      }
    }
  }
  return Buffer.concat(parts).subarray(0, size);
}
