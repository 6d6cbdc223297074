// An application that acts for itself (RFC 6749 section 4.4).
import { InputError } from '../errors.ts';
import { authenticateClient, checkClient, type ClientOptions } from './client-authentication.ts';
import { askTokenEndpoint } from './token-endpoint.ts';
import { type TokenSource } from './token-source.ts';

/** An application that acts for itself (RFC 6749 section 4.4). */
export interface ClientCredentialsOptions extends ClientOptions {
  /** For Microsoft the resource and `/.default`: `https://outlook.office365.com/.default`. */
  readonly scope: string;
}

/**
 * A token source that uses the client credentials grant (RFC 6749 section 4.4), with `clientSecret` or `clientAssertion`. One
 * request at each call: `cached()` makes it economical.
 * @throws TypeError `ERR_INPUT_OPTION` at once, naming the option. The source throws TokenError `ERR_OAUTH_REFUSED`,
 *   `ERR_OAUTH_UNAVAILABLE`, `ERR_OAUTH_UNREACHABLE`, `ERR_OAUTH_TIMEOUT` or `ERR_OAUTH_MALFORMED` for what the endpoint did,
 *   and `ERR_OAUTH_SOURCE` when secret or assertion could not be had.
 */
export function clientCredentials(options: ClientCredentialsOptions): TokenSource {
  checkClient(options);
  const { scope, extra } = options;
  if (typeof scope !== 'string') throw new InputError('ERR_INPUT_OPTION', 'scope must be a string');
  if (options.clientSecret === undefined && options.clientAssertion === undefined) {
    throw new InputError('ERR_INPUT_OPTION', 'the client credentials grant needs clientSecret or clientAssertion');
  }
  return async () => {
    const { form, ...client } = await authenticateClient(options);
    const { token } = await askTokenEndpoint({
      ...options,
      ...client,
      form: { ...extra, grant_type: 'client_credentials', scope: scope === '' ? undefined : scope, ...form },
    });
    return token;
  };
}
