// Faults of the token endpoint that have a name. `aadsts-<number>` stands for any other row of AADSTS.

/** Faults of Entra ID, by name. */
export const ENTRA_FAULTS = {
  'token-hangs': { says: 'The token endpoint never answers.', fault: { hang: true } },
  'token-slow': { says: 'The token endpoint answers after five seconds.', fault: { delay: 5000 } },
  'token-reset': { says: 'The connection to the token endpoint is reset.', fault: { reset: true } },
  'token-unavailable': {
    says: '503 with Retry-After: 5.',
    fault: { status: 503, retryAfter: 5 },
  },
  'token-throttled': {
    says: '429 with Retry-After: 5.',
    fault: { status: 429, retryAfter: 5 },
  },
  'token-gateway-error': {
    says: '502 with an HTML page, as a proxy says it.',
    fault: { status: 502, body: '<html><head><title>502 Bad Gateway</title></head></html>' },
  },
  'token-not-json': { says: '200 with something that is no JSON.', fault: { status: 200, body: 'OK' } },
  'token-empty': { says: '200 with JSON that has no token in it.', fault: { status: 200, body: {} } },
  'token-redirected': {
    says: 'A redirect to another host.',
    fault: { status: 302, redirect: 'https://login.example.com/' },
  },
  'transient-error': { says: 'AADSTS90033: a transient error.', fault: { aadsts: 90033 } },
  'secret-wrong': { says: 'AADSTS7000215: the secret is wrong.', fault: { aadsts: 7000215 } },
  'secret-expired': { says: 'AADSTS7000222: the secret has expired.', fault: { aadsts: 7000222 } },
  'assertion-refused': {
    says: 'AADSTS700027: the certificate is not the one that is registered.',
    fault: { aadsts: 700027 },
  },
  'app-not-found': { says: 'AADSTS700016: the tenant does not know the app.', fault: { aadsts: 700016 } },
  'app-disabled': { says: 'AADSTS7000112: the app is disabled.', fault: { aadsts: 7000112 } },
  'tenant-not-found': { says: 'AADSTS90002: there is no such tenant.', fault: { aadsts: 90002 } },
  'exchange-missing': { says: 'AADSTS500011: the tenant has no Exchange Online.', fault: { aadsts: 500011 } },
  'conditional-access': { says: 'AADSTS53003: Conditional Access blocks it.', fault: { aadsts: 53003 } },
  'mfa-required': { says: 'AADSTS50076: a second factor is asked for.', fault: { aadsts: 50076 } },
  'consent-missing': { says: 'AADSTS65001: nobody consented.', fault: { aadsts: 65001 } },
  'refresh-token-expired': {
    says: 'AADSTS700082: the refresh token was not used for too long.',
    fault: { aadsts: 700082 },
  },
  'refresh-token-revoked': {
    says: 'AADSTS50173: the password changed, or sign-ins were revoked.',
    fault: { aadsts: 50173 },
  },
  'user-disabled': { says: 'AADSTS50057: the account is disabled.', fault: { aadsts: 50057 } },
  'client-loop': { says: 'AADSTS50196: the client asks again and again.', fault: { aadsts: 50196 } },
} as const;
