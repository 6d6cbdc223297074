// MSAL's way to the network: posts go as core sends them, and what came back is remembered, because MSAL forgets most of it.
import { setTimeout } from 'node:timers/promises';
import { type AccessToken, isTransient, TokenError } from '@mailgrant/core';
import { post, type PostOptions } from './post.ts';

interface MsalResponse<T> {
  readonly headers: Record<string, string>;
  readonly body: T;
  readonly status: number;
}

interface MsalRequest {
  readonly headers?: Record<string, string> | undefined;
  readonly body?: string | undefined;
}

/** The shape MSAL calls `INetworkModule`. */
export interface Network {
  sendGetRequestAsync<T>(url: string): Promise<MsalResponse<T>>;
  sendPostRequestAsync<T>(url: string, request?: MsalRequest): Promise<MsalResponse<T>>;
  /** The last answer with a token. */
  readonly answer: { readonly token: AccessToken; readonly body: Readonly<Record<string, unknown>> } | undefined;
  /** Why the last request gave none, with all that MSAL leaves out. */
  readonly failure: Error | undefined;
}

/** @param pause waits that many milliseconds */
export function createNetwork(
  options: PostOptions,
  pause = (milliseconds: number, signal: AbortSignal | undefined): Promise<void> =>
    setTimeout(milliseconds, undefined, { signal }),
): Network {
  let answer: Network['answer'];
  let failure: Error | undefined;

  return {
    get answer() {
      return answer;
    },
    get failure() {
      return failure;
    },
    sendGetRequestAsync: (url) => {
      // The endpoints of every cloud are handed to MSAL: there is nothing to discover.
      failure = new TokenError(
        'ERR_OAUTH_SOURCE',
        `MSAL wanted to read ${url.replace(/[?#].*$/s, '')}, which is not needed`,
      );
      return Promise.reject(failure);
    },
    async sendPostRequestAsync<T>(
      url: string,
      { headers = {}, body = '' }: MsalRequest = {},
    ): Promise<MsalResponse<T>> {
      failure = undefined;
      try {
        const posted = await post(url, body, headers, options);
        if (posted.token !== undefined) answer = { token: posted.token, body: posted.body };
        else if (!isDeviceCode(posted.body) || posted.status >= 300) failure = posted.error;
        const grant = new URLSearchParams(body).get('grant_type');
        if (grant?.endsWith('device_code') && (isTransient(failure) || posted.body['error'] === 'slow_down')) {
          if (posted.body['error'] === 'slow_down') await pause(SLOW_DOWN, options.signal);
          failure = undefined;
          return PENDING as MsalResponse<T>;
        }
        if (grant === null && failure === undefined) {
          return { headers: posted.headers, body: { ...DEVICE_DEFAULTS, ...posted.body } as T, status: posted.status };
        }
        // Only what MSAL knows to act upon reaches it: a refusal of a grant in OAuth's words. It would take a page of HTML
        // for a token, and a refusal for a device code.
        if (failure !== undefined && (grant === null || typeof posted.body['error'] !== 'string')) throw failure;
        return { headers: posted.headers, body: posted.body as T, status: posted.status };
      } catch (error) {
        failure = error instanceof Error ? error : new Error(String(error));
        throw failure;
      }
    },
  };
}

/** Milliseconds more between polls when the endpoint asks for it (RFC 8628 section 3.5); MSAL would end the sign-in. */
const SLOW_DOWN = 5000;
/** Seconds (RFC 8628 section 3.2 has the first optional); without them MSAL polls without a pause and without an end. */
const DEVICE_DEFAULTS = { interval: 5, expires_in: 900 };

/** MSAL would end a sign-in that somebody is typing a code for because Entra was busy once. */
const PENDING: MsalResponse<unknown> = { headers: {}, body: { error: 'authorization_pending' }, status: 400 };

/** The answer of the device authorization endpoint (RFC 8628 section 3.2), which holds no token. */
function isDeviceCode(body: Readonly<Record<string, unknown>>): boolean {
  return typeof body['device_code'] === 'string' && typeof body['user_code'] === 'string';
}
