// MSAL's way to the network: posts go as core sends them, and what came back is remembered, because MSAL forgets most of it.
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

export function createNetwork(options: PostOptions): Network {
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
        if (isTransient(failure) && grant?.endsWith('device_code')) {
          failure = undefined;
          return PENDING as MsalResponse<T>;
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

/** MSAL would end a sign-in that somebody is typing a code for because Entra was busy once. */
const PENDING: MsalResponse<unknown> = { headers: {}, body: { error: 'authorization_pending' }, status: 400 };

/** The answer of the device authorization endpoint (RFC 8628 section 3.2), which holds no token. */
function isDeviceCode(body: Readonly<Record<string, unknown>>): boolean {
  return typeof body['device_code'] === 'string' && typeof body['user_code'] === 'string';
}
