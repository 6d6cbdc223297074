// What Entra sends a browser back with. The URL comes from a browser: nothing in it is believed before its state is known.
import { TokenEndpointError, TokenError } from '@mailgrant/core';
import { bad, shown } from './input.ts';

/** The parameters of a callback. */
export interface Callback {
  readonly state: string;
  readonly parameters: URLSearchParams;
}

/**
 * @param callbackUrl what was called: a URL, or its path and query as `request.url` has them
 * @throws TokenError `ERR_OAUTH_CALLBACK` when it carries no state.
 */
export function parseCallback(callbackUrl: string | URL): Callback {
  const base = 'http://localhost';
  if (!URL.canParse(String(callbackUrl), base)) throw bad('callbackUrl must be a URL');
  const parameters = new URL(String(callbackUrl), base).searchParams;
  const state = parameters.get('state');
  if (!state) throw new TokenError('ERR_OAUTH_CALLBACK', 'the callback carries no state: it was not begun here');
  return { state, parameters };
}

/** Throws what the callback says if it brings bad news (RFC 6749 section 4.1.2.1). Only for a callback whose state is ours. */
export function throwRefusal(parameters: URLSearchParams, doing: string): void {
  const error = parameters.get('error');
  if (!error) return;
  const description = shown(parameters.get('error_description') ?? '');
  const number = /\bAADSTS(\d{1,9})\b/.exec(description)?.[1];
  const suberror = parameters.get('error_subcode') ?? parameters.get('suberror');
  throw new TokenEndpointError('ERR_OAUTH_REFUSED', `${doing}: ${shown(error)}${description && `: ${description}`}`, {
    error: shown(error),
    description: description || undefined,
    suberror: suberror === null ? undefined : shown(suberror),
    aadsts: number === undefined ? undefined : Number(number),
  });
}

/** @throws TypeError `ERR_INPUT_OPTION` unless it is https, or http to this machine, without a fragment. */
export function checkRedirectUri(redirectUri: string): void {
  const url = URL.canParse(redirectUri) ? new URL(redirectUri) : undefined;
  const local = url?.protocol === 'http:' && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  if (url === undefined || (url.protocol !== 'https:' && !local)) {
    throw bad('redirectUri must be an https URL (http only to this machine), as it is in the app registration');
  }
  if (url.hash !== '') throw bad('redirectUri must not have a fragment');
}
