export { WrongAccountError, type EntraAccount, type MailboxOptions } from './account.ts';
export {
  adminConsentUrl,
  parseAdminConsent,
  type AdminConsent,
  type AdminConsentOptions,
  type AdminConsentRequest,
} from './admin-consent.ts';
export { entraApp, type EntraAppOptions, type EntraSource } from './app.ts';
export { readCertificate, type CertificateFacts, type CertificateInput } from './certificate.ts';
export { CLOUDS, type EntraCloud, type EntraCloudName } from './clouds.ts';
export {
  entraConnect,
  type BeginOptions,
  type BegunConnection,
  type EntraConnection,
  type EntraConnectOptions,
  type FinishOptions,
} from './connect.ts';
export type {
  AssertionCredential,
  AssertionRequest,
  CertificateCredential,
  EntraCredential,
  SecretCredential,
} from './credential.ts';
export {
  entraDelegated,
  type EntraDelegatedOptions,
  type EntraGrant,
  type EntraGrantState,
  type KeepAliveOptions,
} from './delegated.ts';
export {
  entraDeviceCode,
  type DeviceCode,
  type DeviceCodeBeginOptions,
  type EntraDeviceCode,
  type EntraDeviceCodeOptions,
} from './device-code.ts';
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
export { entraManagedIdentity, type EntraManagedIdentityOptions } from './managed-identity.ts';
export { entraPassword, type EntraPasswordOptions } from './password.ts';
