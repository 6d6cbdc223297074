// A user name and a password (RFC 6749 section 4.3). For High Volume Email accounts, which know no other delegated login.
import { type AccessToken, type SecretInput, TokenEndpointError, type TokenRequest } from '@mailgrant/core';
import { checkCredentials, type EntraCredential, readPassword } from './credential.ts';
import { FallOver } from './fall-over.ts';
import { bad, checkTenant, type EntraOptions, normalise } from './input.ts';
import { type Acquired, type ClientProof, delegated } from './msal/client.ts';

export interface EntraPasswordOptions extends EntraOptions {
  /** Address of the HVE account. */
  readonly username: string;
  readonly password: SecretInput;
  /** For an app that is no public client. */
  readonly credential?: EntraCredential | readonly EntraCredential[] | undefined;
}

/**
 * A token source for a High Volume Email account, by its password. Default `provider`: `hve`.
 *
 * Not for people's mailboxes: it fails wherever a second factor is asked for, Microsoft advises against it, and MSAL marks
 * it as deprecated; `entraApp` also serves HVE accounts. A password that Entra has refused is not sent again, as Entra
 * locks accounts after a few wrong ones; a new one, from a function, is.
 *
 * The source throws what that of `entraApp` throws.
 * @throws TypeError `ERR_INPUT_OPTION` at once, naming the option.
 */
export function entraPassword(options: EntraPasswordOptions): (request?: TokenRequest) => Promise<AccessToken> {
  const settings = normalise({ provider: 'hve', ...options }, 'delegated');
  checkTenant(options.tenantId, false);
  const { username, password, credential } = options;
  if (typeof username !== 'string' || username === '') throw bad('username must be a non-empty string');
  const { clientId, cloud, tenantId, http, scope } = settings;
  const request = { clientId, tokenEndpoint: `${cloud.authority}/${tenantId}/oauth2/v2.0/token` };
  const fallOver =
    credential === undefined
      ? undefined
      : new FallOver({ credentials: checkCredentials(credential), request, now: http.now, onEvent: undefined });
  let refused: { readonly password: string; readonly error: TokenEndpointError } | undefined;

  return async (): Promise<AccessToken> => {
    const secret = await readPassword('password', password);
    if (refused !== undefined && refused.password === secret.reveal()) throw refused.error;
    const ask = (proof: ClientProof | undefined): Promise<Acquired> =>
      delegated(settings, proof, (msal) =>
        msal.acquireTokenByUsernamePassword({ scopes: scope.split(' '), username, password: secret.reveal() }),
      );
    try {
      const { token } = await (fallOver === undefined ? ask(undefined) : fallOver.use(ask));
      refused = undefined;
      return token;
    } catch (error) {
      if (error instanceof TokenEndpointError && error.error === 'invalid_grant') {
        refused = { password: secret.reveal(), error };
      }
      throw error;
    }
  };
}
