// Entra's refusals: AADSTS number, OAuth error, text. Wording of Microsoft's error reference and public transcripts, 2026-11.

/** A row of the table. `{name}` in the text stands for a value. */
export interface AadstsRow {
  /** OAuth error (RFC 6749 section 5.2, RFC 8628 section 3.5, OpenID Connect Core section 3.1.2.6). */
  readonly error: string;
  readonly text: string;
  /** What MSAL decides by besides `error`. */
  readonly suberror?: string;
  /** HTTP status; default: 401 for `invalid_client`, 503 for `temporarily_unavailable`, else 400. */
  readonly status?: number;
}

type Entry = readonly [number: number, text: string, suberror?: string];
const rows = (error: string, entries: readonly Entry[]): (readonly [number, AadstsRow])[] =>
  entries.map(([number, text, suberror]) => [number, { error, text, ...(suberror !== undefined && { suberror }) }]);

const NOT_IN_TENANT = 'does not exist in tenant {tenant} and cannot access the application {app} in that tenant.';
const MFA =
  "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access '{resource}'.";
const CREDENTIAL = 'Error validating credentials due to invalid username or password.';

/** Every refusal a mail sender can meet. `entra.next({ aadsts })` takes any of these numbers. */
export const AADSTS: ReadonlyMap<number, AadstsRow> = new Map([
  ...rows('invalid_request', [
    [16000, `Selected user account ${NOT_IN_TENANT} Please use a different account.`],
    [28002, "The provided value for scope '{scope}' is not valid when requesting an access token."],
    [28003, 'The provided value for scope cannot be empty when requesting an access token using the code.'],
    [
      50011,
      "The redirect URI '{redirect}' specified in the request does not match the redirect URIs configured for the application '{app}'. Make sure the redirect URI sent in the request matches one added to your application in the Azure portal.",
    ],
    [50027, 'JWT token is invalid or malformed.'],
    [50059, 'No tenant-identifying information found in either the request or implied by any provided credentials.'],
    [
      50128,
      'Invalid domain name. No tenant-identifying information found in either the request or implied by any provided credentials.',
    ],
    [50147, 'Missing code verifier: the authorization request had a code challenge.'],
    [
      50194,
      "Application '{app}'({name}) is not configured as a multi-tenant application. Usage of the /common endpoint is not supported for such apps created after '10/15/2018'. Use a tenant-specific endpoint or configure the application to be multi-tenant.",
    ],
    [500021, 'Access to {tenant} tenant is denied.'],
    [500022, 'Access to {tenant} tenant is denied by the tenant restriction policy.'],
    [501491, 'Invalid size of Code_Challenge parameter.'],
    [
      65002,
      "Consent between first party application '{app}' and first party resource '{resource}' must be configured via preauthorization.",
    ],
    [
      90002,
      "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.",
    ],
    [
      90009,
      'Application is requesting a token for itself. This scenario is supported only if resource is specified using the GUID based App Identifier.',
    ],
    [
      90014,
      "The required field '{parameter}' is missing from the credential. Ensure that you have all the necessary parameters for the login request.",
    ],
    [90019, 'No tenant-identifying information found in either the request or implied by any provided credentials.'],
    [90023, 'The authentication service request is not valid.'],
    [90027, 'The client is not allowed to get tokens from this version of the endpoint for personal accounts.'],
    [90038, "Tenant '{tenant}' request is being redirected to the National Cloud 'MicrosoftOnline.us'."],
    [90051, 'The provided national cloud identifier is not valid.'],
    [90100, "The parameter '{parameter}' is empty or not valid."],
    [
      90124,
      "Resource '{resource}' ({name}) is not supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint.",
    ],
    [
      90130,
      "Application '{app}' ({name}) is not supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint.",
    ],
    [900023, "Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external domain."],
    [900144, "The request body must contain the following parameter: '{parameter}'."],
    [900382, 'Confidential Client is not supported in Cross Cloud request.'],
    [900432, 'Confidential Client is not supported in Cross Cloud request.'],
    [900561, 'The endpoint only accepts POST requests. Received a {method} request.'],
    [
      9001023,
      'The grant type is not supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint.',
    ],
    [9002313, 'Invalid request. Request is malformed or invalid.'],
    [
      9002332,
      "Application '{app}'({name}) is configured for use by Azure Active Directory users only. Please do not use the /consumers endpoint to serve this request.",
    ],
    [1000104, 'Cross-cloud request for application {app} is not supported.'],
    [135010, 'Key not found.'],
    [240002, 'Input id_token cannot be used as an "urn:ietf:params:oauth:grant-type:jwt-bearer" grant.'],
  ]),
  ...rows('invalid_client', [
    [50012, 'Authentication failed: client assertion contains an invalid signature.'],
    [50048, 'Subject must match Issuer claim in the client assertion.'],
    [
      650052,
      "The app is trying to access a service '{resource}' that your organization '{tenant}' lacks a service principal for. Contact your IT Admin to review the configuration of your service subscriptions or consent to the application in order to create the required service principal.",
    ],
    [
      650054,
      'The application asked for permissions to access a resource that has been removed or is no longer available.',
    ],
    [
      650056,
      'Misconfigured application. This could be due to one of the following: the client has not listed any permissions for the requested resource in its application registration, or the admin has not consented in the tenant.',
    ],
    [
      650057,
      "Invalid resource. The client has requested access to a resource which is not listed in the requested permissions in the client's application registration.",
    ],
    [
      70002,
      'Error validating credentials. The specified client_secret does not match the expected value for this client.',
    ],
    [70025, "The client '{app}'({name}) has no configured federated identity credentials."],
    [
      700021,
      "Client assertion application identifier doesn't match 'client_id' parameter. Review the documentation at https://aka.ms/certificate-credentials.",
    ],
    [700024, 'Client assertion is not within its valid time range. {times}'],
    [700025, "Client is public so neither 'client_assertion' nor 'client_secret' should be presented."],
    [
      700027,
      "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - {reason}, Thumbprint of key used by client: '{thumbprint}'].",
    ],
    [
      700211,
      "No matching federated identity record found for presented assertion issuer '{issuer}'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion.",
    ],
    [
      700212,
      "No matching federated identity record found for presented assertion audience '{audience}'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion.",
    ],
    [
      700213,
      "No matching federated identity record found for presented assertion subject '{subject}'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion.",
    ],
    [700229, 'Only app tokens may be used as Federated Identity Credentials for Azure AD issuer.'],
    [
      7000215,
      "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{app}'.",
    ],
    [7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."],
    [
      7000222,
      "The provided client secret keys for app '{app}' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.",
    ],
    [
      7000229,
      'The client application {app} is missing service principal in the tenant {tenant}. See instructions here: https://go.microsoft.com/fwlink/?linkid=2225119',
    ],
    [1000031, "Application '{name}' can't be accessed at this time. Contact your administrator."],
  ]),
  ...rows('unauthorized_client', [
    [70001, "The application named '{app}' was not found in the tenant named '{tenant}', or is disabled."],
    [
      700016,
      "Application with identifier '{app}' was not found in the directory '{tenant}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.",
    ],
    [7000112, "Application '{app}'({name}) is disabled."],
    [
      65005,
      'The application required resource access list does not contain applications discoverable by the resource.',
    ],
  ]),
  ...rows('unsupported_grant_type', [[70003, "The app requested an unsupported grant type '{grant}'."]]),
  ...rows('unsupported_response_type', [[70005, "The app requested an unsupported response type '{response}'."]]),
  ...rows('invalid_scope', [
    [
      70011,
      "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope {scope} is not valid.",
    ],
    [
      700022,
      'The provided value for the input parameter scope is not valid because it contains more than one resource.',
    ],
    [700023, 'The provided value for the input parameter scope is not valid because it contains no resource.'],
    [
      1002012,
      'The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).',
    ],
  ]),
  ...rows('invalid_resource', [
    [50001, 'The resource principal named {resource} was not found in the tenant named {tenant}.'],
    [
      500011,
      'The resource principal named {resource} was not found in the tenant named {tenant}. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant.',
    ],
    [
      500014,
      "The service principal for resource '{resource}' is disabled. This indicate that a subscription within the tenant has lapsed, or that the administrator for this tenant has disabled the application, preventing tokens from being issued for it.",
    ],
    [
      5000224,
      'We are sorry, this resource is not available. If you are seeing this message by mistake, please contact Microsoft support.',
    ],
  ]),
  ...rows('invalid_grant', [
    [50013, 'Assertion failed signature validation. [Reason - The key was not found.]'],
    [
      500133,
      'Assertion is not within its valid time range. Ensure that the access token is not expired before using it for user assertion, or request a new token.',
    ],
    [50014, "The user's redemption is in a pending state. The guest user account isn't fully created yet."],
    [
      50020,
      `User account '{user}' from identity provider '{provider}' ${NOT_IN_TENANT} The account needs to be added as an external user in the tenant first. Sign out and sign in again with a different Azure Active Directory user account.`,
    ],
    [
      50034,
      'The user account {user} does not exist in the {tenant} directory. To sign into this application, the account must be added to the directory.',
    ],
    [51004, 'The user account {user} does not exist in the {tenant} directory.'],
    [50053, "The account is locked, you've tried to sign in too many times with an incorrect user ID or password."],
    [50055, 'The password is expired.', 'user_password_expired'],
    [50056, 'Invalid or null password: password does not exist in the directory for this user.'],
    [50057, 'The user account is disabled.'],
    [50064, 'Credential validation on username or password has failed.'],
    [50126, CREDENTIAL],
    [50144, "The user's Active Directory password has expired.", 'user_password_expired'],
    [
      50072,
      'Due to a configuration change made by your administrator, you must enroll in multi-factor authentication to access the resource.',
      'basic_action',
    ],
    [50074, 'Strong Authentication is required.', 'basic_action'],
    [50076, MFA, 'basic_action'],
    [
      50078,
      'Presented multi-factor authentication has expired due to policies configured by your administrator, you must refresh your multi-factor authentication to access the resource.',
      'basic_action',
    ],
    [50079, MFA.replace('use multi-factor', 'enroll in multi-factor'), 'basic_action'],
    [50158, 'External security challenge was not satisfied.', 'basic_action'],
    [50097, 'Device authentication is required.', 'message_only'],
    [
      50105,
      "Your administrator has configured the application {name} ('{app}') to block users unless they are specifically granted ('assigned') access to the application. The signed in user '{user}' is blocked because they are not a direct member of a group with access, nor had access directly assigned by an administrator.",
    ],
    [
      50131,
      'Device is not in required device state, or the request was blocked due to suspicious activity, access policy, or security policy decisions.',
      'message_only',
    ],
    [50132, 'Credentials have been revoked due to the following reasons: the session has been revoked.', 'bad_token'],
    [50133, 'Session is invalid due to expiration or recent password change.', 'bad_token'],
    [
      50173,
      'The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password.',
      'bad_token',
    ],
    [
      50196,
      'The server terminated an operation because it encountered a client request loop. Please contact your app vendor.',
    ],
    [500112, 'The reply address does not match the reply address provided when requesting Authorization code.'],
    [500341, 'The user account {user} has been deleted from the {tenant} directory.'],
    [501481, 'The Code_Verifier does not match the code_challenge supplied in the authorization request.'],
    [
      53000,
      'Device is not in required device state: compliant. Conditional Access policy requires a compliant device, and the device is not compliant.',
      'message_only',
    ],
    [
      53001,
      'Device is not in required device state: domain_joined. Conditional Access policy requires a domain joined device, and the device is not domain joined.',
      'message_only',
    ],
    [53002, 'The application used is not an approved application for Conditional Access.', 'message_only'],
    [
      53003,
      'Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.',
      'message_only',
    ],
    [
      53004,
      'User needs to complete the multi-factor authentication registration process before accessing this content.',
      'basic_action',
    ],
    [
      53010,
      'Cannot configure multi-factor authentication methods because the organization requires this information to be set from specific locations or devices.',
      'message_only',
    ],
    [53011, 'User blocked due to risk on home tenant.', 'message_only'],
    [530032, 'Access has been blocked by security policy.', 'message_only'],
    [
      530035,
      'Access has been blocked by security defaults. This is due to the request using legacy auth or being deemed unsafe by security defaults policies.',
      'message_only',
    ],
    [
      54005,
      'OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.',
    ],
    [
      65001,
      "The user or administrator has not consented to use the application with ID '{app}' named '{name}'. Send an interactive authorization request for this user and resource.",
      'consent_required',
    ],
    [70000, 'Provided grant is invalid or malformed.', 'bad_token'],
    [700005, 'Provided Authorization Code is intended to use against other tenant, thus rejected.'],
    [
      70008,
      'The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.',
      'bad_token',
    ],
    [
      700082,
      'The refresh token has expired due to inactivity. The token was issued on {issued} and was inactive for {idle}.',
      'bad_token',
    ],
    [
      700084,
      'The refresh token was issued to a single page app (SPA), and therefore has a fixed, limited lifetime of 1.00:00:00, which cannot be extended. It is now expired and a new sign in request must be sent by the SPA to the sign in page.',
      'bad_token',
    ],
    [
      70043,
      'The refresh token has expired or is invalid due to sign-in frequency checks by conditional access.',
      'token_expired',
    ],
    [90094, 'The grant requires admin permission. An administrator of {tenant} has to consent to {name} ({app}).'],
    [90095, 'Admin consent is required for the permissions requested by {name} ({app}).'],
  ]),
  ...rows('access_denied', [[65004, 'User declined to consent to access the app.', 'cancel']]),
  ...rows('login_required', [
    [
      50058,
      'Session information is not sufficient for single-sign-on. A silent sign-in request was sent but no user is signed in.',
    ],
  ]),
  ...rows('authorization_pending', [
    [70016, 'OAuth 2.0 device flow error. Authorization is pending. Continue polling.'],
  ]),
  ...rows('bad_verification_code', [
    [70018, 'Invalid verification code due to user typing in wrong user code for device code flow.'],
  ]),
  ...rows('expired_token', [
    [70019, 'Verification code expired. Have the user retry the sign-in.'],
    [70020, "The provided value for the input parameter 'device_code' is not valid. This device code has expired."],
  ]),
  ...rows('temporarily_unavailable', [
    [50033, 'A transient error has occurred. Please try again.'],
    [50087, 'A transient error has occurred during the sign-in attempt. Please try again.'],
    [70012, 'A server error occurred while authenticating an MSA (consumer) user. Try again.'],
    [90006, 'The service is temporarily unavailable due to an external server error.'],
    [90012, 'A timeout has occurred.'],
    [90024, 'A transient error has occurred. Please try again.'],
    [90033, 'A transient error has occurred. Please try again.'],
    [90055, 'The tenant has been throttled.'],
    [90090, 'A transient error has occurred during the sign-in attempt. Please try again.'],
  ]),
]);
