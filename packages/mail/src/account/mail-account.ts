// What people configure: a mailbox, and one way to a token for it.
import type { MailerOptions, Secret, SecretInput, TokenSource, TokenStore } from '@mailgrant/core';

/** A mailbox to send from. Nothing is connected or fetched before the first mail. */
export interface MailAccount extends Omit<MailerOptions, 'token'>, TokenSettings, NodemailerNames {
  /** Names the account in results, events and health. Default: `user`, else its place in the list (`account 1`). */
  readonly label?: string | undefined;
  /** Who mails are from that name nobody, with a name: `Contoso <noreply@contoso.com>`. Default: `user`. */
  readonly from?: string | undefined;
}

/** What nodemailer's SMTP transport calls the same things, so that its settings can be kept. Its passwords cannot. */
export interface NodemailerNames {
  /** `true` is `tls: 'implicit'`, `false` is `tls: 'starttls'`: there is TLS in any case. */
  readonly secure?: boolean | undefined;
  /** There is no other way here. */
  readonly requireTLS?: true | undefined;
  /** `limits.connections`. */
  readonly maxConnections?: number | undefined;
  /** Connections are pooled in any case. */
  readonly pool?: true | undefined;
  /** `timeouts.connect`. */
  readonly connectionTimeout?: number | undefined;
  /** `timeouts.greeting`. */
  readonly greetingTimeout?: number | undefined;
  /** `user`, `clientId`, `clientSecret`, `refreshToken`, and `tokenEndpoint` as `accessUrl`. */
  readonly auth?:
    | {
        readonly type?: 'OAuth2' | undefined;
        readonly user?: string | undefined;
        readonly clientId?: string | undefined;
        readonly clientSecret?: string | undefined;
        readonly refreshToken?: string | undefined;
        readonly accessUrl?: string | undefined;
      }
    | undefined;
}

/** Exactly one way to a token, and what all of them share. */
export interface TokenSettings {
  /** A token source of your own; nothing else of these settings goes with it. */
  readonly token?: TokenSource | undefined;
  /** The tenant of the mailbox: its id, or one of its domains. */
  readonly tenantId?: string | undefined;
  /** The application (client) id of the app registration. */
  readonly clientId?: string | undefined;
  /** The secret's *value*, or a function that reads it at every request. */
  readonly clientSecret?: SecretInput | undefined;
  /** A file that holds it, read at every request. */
  readonly clientSecretFile?: string | undefined;
  /** Needs the package `@mailgrant/entra`. */
  readonly certificate?: MailCertificate | undefined;
  /** A file with a token of another issuer, as Kubernetes projects it. Needs the package `@mailgrant/entra`. */
  readonly federatedTokenFile?: string | undefined;
  /** The identity of the machine; needs the package `@mailgrant/entra`, and neither `tenantId` nor `clientId`. */
  readonly managedIdentity?: true | MailManagedIdentity | undefined;
  /** What a person's consent gave. */
  readonly refreshToken?: SecretInput | MailRefreshToken | undefined;
  /** Origin of the token service, such as `https://login.microsoftonline.us`. Default: the provider's. */
  readonly authority?: string | undefined;
  /** Instead of `authority` and `tenantId`, for other services: an https URL (plain http to this machine only). */
  readonly tokenEndpoint?: string | undefined;
  /** What to ask for, where it is not what the provider needs. */
  readonly scope?: string | undefined;
  /** How requests for tokens are made. Default: the `fetch` of Node.js. */
  readonly fetch?: typeof globalThis.fetch | undefined;
}

/** A certificate of the application and its private key (RSA): one of `path`, `pem`, `pfx`. */
export interface MailCertificate {
  /** A PEM file, or a PKCS #12 file if it ends in `.pfx` or `.p12`; read at every request. */
  readonly path?: string | undefined;
  /** The private key (PEM), where it is not in the file at `path`. */
  readonly keyPath?: string | undefined;
  /** Certificate and private key, PEM. */
  readonly pem?: string | Uint8Array | undefined;
  /** PKCS #12. */
  readonly pfx?: Uint8Array | undefined;
  /** What an encrypted key or PFX is opened with. */
  readonly passphrase?: string | Secret | undefined;
}

/** A user-assigned identity; `true` stands for the system-assigned one. */
export interface MailManagedIdentity {
  readonly clientId?: string | undefined;
  readonly objectId?: string | undefined;
  readonly resourceId?: string | undefined;
}

/** A refresh token, and where the one that replaces it is kept: `onRotate`, or `store` and `key`. */
export interface MailRefreshToken {
  readonly value: SecretInput;
  readonly onRotate?: ((refreshToken: Secret) => void | Promise<void>) | undefined;
  readonly store?: TokenStore | undefined;
  readonly key?: string | undefined;
}
