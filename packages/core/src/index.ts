export {
  createMailer,
  type CloseOptions,
  type Mailer,
  type MailerHealth,
  type SendOptions,
  type Verification,
} from './mailer.ts';
export type { MailerOptions } from './mailer-options.ts';
export {
  lentPieces,
  type Envelope,
  type MessageBody,
  type Notify,
  type OutgoingMail,
  type Recipient,
} from './message.ts';
export type { Receipt, RecipientResult, RecipientResults, SendTimings } from './receipt.ts';
export { type Reply, replyText } from './smtp/reply.ts';
export type { Capabilities } from './smtp/capabilities.ts';
export type { QueueOptions } from './smtp/backlog.ts';
export type { Health } from './smtp/gate.ts';
export type { ConnectionFacts } from './smtp/connection.ts';
export type { TlsMode } from './smtp/session.ts';
export type { WireLevel } from './smtp/wire-ladder.ts';
export { DEFAULT_TIMEOUTS, type Timeouts } from './smtp/timeouts.ts';
export type { TranscriptEvent } from './smtp/transcript.ts';
export type { AuthenticateContext, ConnectContext, SendContext, ServerContext, TokenContext } from './tracing.ts';
export type { MechanismName } from './sasl/mechanism.ts';
export { PROVIDERS, genericProvider, type Provider, type ProviderLimits, type ProviderName } from './providers.ts';
export {
  AuthenticationError,
  CapabilityError,
  ConnectionError,
  ERROR_CODES,
  InputError,
  LimitError,
  MailError,
  ProtocolError,
  ReplyError,
  TokenError,
  isTransient,
  mayHaveBeenSent,
  type ErrorCode,
  type InputErrorCode,
  type LimitErrorCode,
  type MailErrorFacts,
  type Stage,
  type TokenErrorFacts,
} from './errors.ts';
export { Secret } from './secret.ts';
export {
  accessToken,
  type AccessToken,
  type AccessTokenInput,
  type TokenRequest,
  type TokenSource,
} from './oauth/token-source.ts';
export {
  cached,
  type CacheOptions,
  type CachedTokenRequest,
  type CachedTokenSource,
  type TokenState,
  isCached,
} from './oauth/token-cache.ts';
export { clientCredentials, type ClientCredentialsOptions } from './oauth/client-credentials.ts';
export { refreshToken, type RefreshTokenOptions } from './oauth/refresh-token.ts';
export { jwtBearer, type JwtBearerOptions } from './oauth/jwt-bearer.ts';
export type { ClientAssertionRequest, ClientOptions, SecretInput } from './oauth/client-authentication.ts';
export type { HttpOptions } from './oauth/token-endpoint.ts';
export {
  memoryTokenStore,
  type StoredValue,
  type StoreLock,
  type StoreLockOptions,
  type TokenStore,
} from './oauth/token-store.ts';
export { encryptedFileTokenStore, type EncryptedFileTokenStoreOptions } from './oauth/encrypted-file-store.ts';
export type { SealingKey } from './oauth/sealing-key.ts';
export { TokenEndpointError } from './oauth/token-endpoint-error.ts';
export { decodeClaims, printableClaims, type Claims, type PrintableClaim } from './oauth/claims.ts';
export type {
  TokenEvent,
  TokenListener,
  TokenRefused,
  TokenRenewalFailed,
  TokenRenewed,
  TokenStoreFailed,
} from './oauth/token-events.ts';
