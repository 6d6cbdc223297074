// A sign-in on another device, for machines without a browser: the device authorization grant (RFC 8628).
import { TokenError } from '@mailgrant/core';
import { type EntraAccount } from './account.ts';
import { type EntraDelegatedOptions, type EntraGrant, grantKeeper, scopesOf } from './delegated.ts';
import { publicly } from './msal/client.ts';

/** The app registration must be a public client: "Allow public client flows". */
export type EntraDeviceCodeOptions = Omit<EntraDelegatedOptions, 'credential'>;

export interface DeviceCodeBeginOptions {
  /** Gives up waiting for the person. */
  readonly signal?: AbortSignal | undefined;
}

export interface DeviceCode {
  /** What the person types, at `verificationUri`. */
  readonly userCode: string;
  readonly verificationUri: string;
  /** Both in a sentence, in Entra's words. */
  readonly message: string;
  /** Epoch milliseconds until which the code is good. */
  readonly expiresAt: number;
  /**
   * Resolves when the person has signed in, may send for the mailbox, and the consent is kept. Rejects as `finish` of
   * `entraConnect` does, with TokenEndpointError when the code expired or was declined, and with the reason of `signal`.
   */
  readonly finished: Promise<EntraAccount>;
}

/** A consent that can be asked for without a browser. */
export interface EntraDeviceCode extends EntraGrant {
  begin(options?: DeviceCodeBeginOptions): Promise<DeviceCode>;
}

/**
 * Lets a person connect their mailbox by typing a code on any device.
 * @throws TypeError `ERR_INPUT_OPTION` at once, naming the option.
 */
export function entraDeviceCode(options: EntraDeviceCodeOptions): EntraDeviceCode {
  const keeper = grantKeeper({ ...options, credential: undefined });
  const { grant, settings } = keeper;
  return {
    ...grant,
    begin: ({ signal } = {}) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const acquired = publicly(settings, signal, (msal) =>
          msal.acquireTokenByDeviceCode({
            scopes: scopesOf(settings),
            deviceCodeCallback: ({ userCode, verificationUri, message, expiresIn }) => {
              const expiresAt = settings.http.now() + expiresIn * 1000;
              resolve({ userCode, verificationUri, message, expiresAt, finished });
            },
          }),
        );
        const finished = unlessAborted(acquired, signal).then((given) => keeper.accept(given));
        // Before there is a code its failure is that of begin(); afterwards whoever began looks at `finished`.
        finished.catch((error: unknown) => {
          reject(error instanceof Error ? error : new TokenError('ERR_OAUTH_SOURCE', String(error)));
        });
      }),
  };
}

/** MSAL notices only when it polls next. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  let abort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
