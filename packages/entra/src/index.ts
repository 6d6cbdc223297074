export { entraApp, type EntraAppOptions, type EntraSource } from './app.ts';
export { readCertificate, type CertificateFacts, type CertificateInput } from './certificate.ts';
export { CLOUDS, type EntraCloud, type EntraCloudName } from './clouds.ts';
export type {
  AssertionCredential,
  AssertionRequest,
  CertificateCredential,
  EntraCredential,
  SecretCredential,
} from './credential.ts';
export type { CredentialFailed, EntraEvent, EntraListener, ExpiryDue } from './events.ts';
export {
  createExpiryWatch,
  expiryWarnings,
  WARNING_DAYS,
  type Expiry,
  type ExpiryWarning,
  type ExpiryWatch,
} from './expiry.ts';
export type { EntraHealth, FailedCredential } from './health.ts';
export type { EntraHttpOptions, EntraOptions, EntraProviderName } from './input.ts';
