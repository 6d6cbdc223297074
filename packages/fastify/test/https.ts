// HTTPS with authorities of our own: a certificate for localhost, and requests that trust it.
import 'reflect-metadata'; // @peculiar/x509 refuses to load without it
import { webcrypto } from 'node:crypto';
import { type IncomingMessage, request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { PemConverter, SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509';

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** Self-signed, for a day. */
export async function certificateForLocalhost(): Promise<Certificate> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=localhost',
    notBefore: new Date(Date.now() - 86_400_000),
    notAfter: new Date(Date.now() + 86_400_000),
    signingAlgorithm: algorithm,
    keys,
    extensions: [new SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }])],
  });
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { cert: certificate.toString('pem'), key: PemConverter.encode(key, 'PRIVATE KEY') };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface Question {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** One request, over a connection of its own; redirects are answers like any other. */
export async function ask(url: string | URL, ca: readonly string[], question: Question = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, body } = question;
  const send = new URL(url).protocol === 'https:' ? secureRequest : request;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    send(url, { method, headers, agent: false, ca: [...ca] }, resolve)
      .on('error', reject)
      .end(body);
  });
  return { status: response.statusCode ?? 0, headers: response.headers, body: (await buffer(response)).toString() };
}

/** `fetch` for clients that take one, trusting these authorities and no others. */
export const trustingFetch =
  (ca: readonly string[]): typeof globalThis.fetch =>
  async (input, init = {}) => {
    const wanted = new Request(input, init);
    const { status, headers, body } = await ask(wanted.url, ca, {
      method: wanted.method,
      headers: Object.fromEntries(wanted.headers),
      body: await wanted.text(),
    });
    return new Response(body, { status, headers: headers as Record<string, string> });
  };
