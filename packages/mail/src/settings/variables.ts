// The environment variables there are, and what each of them sets.

/** How the text of a variable is read. */
type Kind = 'text' | 'number' | 'switch' | 'list' | 'file' | 'identity';

export interface Variable {
  /** Without the prefix. */
  readonly name: string;
  /** Where it goes in the options. */
  readonly path: readonly string[];
  readonly kind: Kind;
}

const variable = (name: string, path: string, kind: Kind = 'text'): Variable => ({ name, path: path.split('.'), kind });

export const VARIABLES: readonly Variable[] = [
  variable('USER', 'account.user'),
  variable('TENANT_ID', 'account.tenantId'),
  variable('CLIENT_ID', 'account.clientId'),
  variable('CLIENT_SECRET', 'account.clientSecret'),
  variable('CLIENT_SECRET_FILE', 'account.clientSecretFile'),
  variable('CERTIFICATE_PATH', 'account.certificate.path'),
  variable('CERTIFICATE_KEY_PATH', 'account.certificate.keyPath'),
  variable('CERTIFICATE_PASSPHRASE', 'account.certificate.passphrase'),
  variable('FEDERATED_TOKEN_FILE', 'account.federatedTokenFile'),
  variable('MANAGED_IDENTITY', 'account.managedIdentity', 'identity'),
  variable('REFRESH_TOKEN', 'account.refreshToken'),
  variable('AUTHORITY', 'account.authority'),
  variable('TOKEN_ENDPOINT', 'account.tokenEndpoint'),
  variable('SCOPE', 'account.scope'),
  variable('PROVIDER', 'account.provider'),
  variable('HOST', 'account.host'),
  variable('PORT', 'account.port', 'number'),
  variable('TLS', 'account.tls'),
  variable('CA_FILE', 'account.ca', 'file'),
  variable('PASSWORD', 'account.password'),
  variable('PASS', 'account.password'),
  variable('FROM', 'defaults.from'),
  variable('REPLY_TO', 'defaults.replyTo'),
  variable('ALWAYS_TO', 'alwaysTo', 'list'),
  variable('ALLOW_RECIPIENTS', 'allowRecipients', 'list'),
  variable('DEADLINE', 'deadline', 'number'),
];
