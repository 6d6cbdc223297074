// Client assertions (RFC 7523): signed with a registered certificate, or by an issuer the app trusts (workload identity).
import { createHash, X509Certificate } from 'node:crypto';
import {
  compactVerify,
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  type JWTPayload,
  type ProtectedHeaderParameters,
} from 'jose';
import type { AppRegistration, Directory } from '../directory.ts';
import { type EntraProblem, problem } from './problem.ts';

/** What an assertion is checked against. */
export interface AssertionContext {
  readonly directory: Directory;
  readonly app: AppRegistration;
  /** Values `aud` may have: the token endpoint, and the tenant's issuer. */
  readonly audiences: readonly string[];
  readonly now: number;
}

// Entra forgives clocks five minutes.
const SKEW = 300_000;
const CERTIFICATE_ALGORITHMS: readonly string[] = ['PS256', 'RS256', 'ES256'];

/** Checks an assertion; returns how the client proved itself, or the refusal. */
export async function verifyAssertion(
  assertion: string,
  context: AssertionContext,
): Promise<'certificate' | 'federated' | EntraProblem> {
  let header: ProtectedHeaderParameters;
  let claims: JWTPayload;
  try {
    header = decodeProtectedHeader(assertion);
    claims = decodeJwt(assertion);
  } catch {
    return problem(50027, {}, { error: 'invalid_client', status: 401 });
  }
  const { iss = '', sub } = claims;
  if (iss.startsWith('https://')) return federated(assertion, claims, context);
  if (iss !== sub) return problem(50048);
  if (iss.toLowerCase() !== context.app.clientId.toLowerCase()) return problem(700021);
  return certificate(assertion, header, claims, context);
}

async function certificate(
  assertion: string,
  header: ProtectedHeaderParameters,
  claims: JWTPayload,
  { app, audiences, now }: AssertionContext,
): Promise<'certificate' | EntraProblem> {
  const { thumbprint, matches } = keyReference(header);
  const refuse = (reason: string): EntraProblem => problem(700027, { reason, thumbprint });
  const found = app.certificates.map((pem) => new X509Certificate(pem)).find((one) => matches(one));
  if (found === undefined) return refuse('The key was not found.');
  if (Date.parse(found.validTo) <= now) return refuse('The key used is expired.');
  try {
    await compactVerify(assertion, found.publicKey, { algorithms: [...CERTIFICATE_ALGORITHMS] });
  } catch {
    return refuse('The provided signature value did not match the expected signature value.');
  }
  const audience = Array.isArray(claims.aud) ? claims.aud : [claims.aud ?? ''];
  if (!audience.some((one) => audiences.includes(one))) {
    const text =
      'Client assertion audience claim does not match Realm issuer. Review the documentation at https://docs.microsoft.com/azure/active-directory/develop/active-directory-certificate-credentials .';
    return problem(700023, {}, { error: 'invalid_client', status: 401, text });
  }
  if (typeof claims.jti !== 'string' || claims.jti === '') {
    return problem(50027, {}, { error: 'invalid_client', status: 401 });
  }
  return outsideItsTime(claims, now) ?? 'certificate';
}

/** The certificate a header means: `x5t#S256`, `x5t`, or the first of `x5c`; where several are given, all must fit. */
function keyReference(header: ProtectedHeaderParameters): {
  readonly thumbprint: string;
  readonly matches: (certificate: X509Certificate) => boolean;
} {
  const { x5t, x5c } = header;
  const sha256 = header['x5t#S256'];
  const leaf = Array.isArray(x5c) && typeof x5c[0] === 'string' ? Buffer.from(x5c[0], 'base64') : undefined;
  const digest = (algorithm: string, raw: Buffer): string => createHash(algorithm).update(raw).digest('base64url');
  return {
    thumbprint: [sha256, x5t, leaf && digest('sha256', leaf)].find((one) => typeof one === 'string') ?? '',
    matches: ({ raw }) =>
      (sha256 ?? x5t ?? leaf) !== undefined &&
      (sha256 === undefined || sha256 === digest('sha256', raw)) &&
      (x5t === undefined || x5t === digest('sha1', raw)) &&
      (leaf === undefined || leaf.equals(raw)),
  };
}

async function federated(
  assertion: string,
  claims: JWTPayload,
  { directory, app, now }: AssertionContext,
): Promise<'federated' | EntraProblem> {
  if (app.federatedCredentials.length === 0) return problem(70025, { app: app.clientId, name: app.name });
  const { iss: issuer = '', sub: subject = '' } = claims;
  const audiences = Array.isArray(claims.aud) ? claims.aud : [claims.aud ?? ''];
  // Letter for letter: a slash at the end or another case is another issuer, another subject.
  const ofIssuer = app.federatedCredentials.filter((one) => one.issuer === issuer);
  if (ofIssuer.length === 0) return problem(700211, { issuer });
  const ofSubject = ofIssuer.filter((one) => one.subject === subject);
  if (ofSubject.length === 0) return problem(700213, { subject });
  if (!ofSubject.some((one) => audiences.includes(one.audience))) {
    return problem(700212, { audience: audiences.join(' ') });
  }
  const keys = directory.issuers.filter((one) => one.issuer === issuer).flatMap((one) => one.keys);
  try {
    await compactVerify(assertion, createLocalJWKSet({ keys }), { algorithms: ['RS256', 'PS256', 'ES256'] });
  } catch {
    return problem(50013, {}, { error: 'invalid_client', status: 401, suberror: undefined });
  }
  return outsideItsTime(claims, now) ?? 'federated';
}

function outsideItsTime({ exp, nbf, iat }: JWTPayload, now: number): EntraProblem | undefined {
  const from = (nbf ?? iat ?? 0) * 1000;
  const until = (exp ?? 0) * 1000;
  if (from <= now + SKEW && now < until + SKEW) return undefined;
  const iso = (time: number): string => new Date(time).toISOString();
  return problem(700024, {
    times: `Current time: ${iso(now)}, assertion valid from ${iso(from)}, expiry time of assertion ${iso(until)}.`,
  });
}
