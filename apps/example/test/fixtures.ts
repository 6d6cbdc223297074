export const ACCOUNT = {
  MAILGRANT_TENANT_ID: 'contoso.onmicrosoft.com',
  MAILGRANT_CLIENT_ID: '9c1d7f52-6a0e-4f0b-9a3e-52d5a0f2b6c1',
  MAILGRANT_CLIENT_SECRET: 'Zz98Q~the-secret-of-the-application.....',
  MAILGRANT_USER: 'noreply@contoso.com',
  MAILGRANT_TO: 'guest@example.com, team@example.com',
};

/** Access tokens (JWTs), AUTH responses (base64 of `user=`), and client secrets in the shape Entra gives them. */
export const SECRETS = /eyJ[\w-]{10,}\.eyJ|dXNlcj|[\w.~-]{3}\dQ~[\w.~-]{34}/;
