import { InputError } from '../errors.ts';
import { Secret } from '../secret.ts';
import type { Mechanism } from './mechanism.ts';

/** SASL OAUTHBEARER (RFC 7628 section 3.1): a GS2 header, then fields separated by U+0001. */
export function oauthbearer(user: string, token: Secret, host: string, port: number): Mechanism {
  // oxlint-disable-next-line no-control-regex -- U+0001 separates the fields, the others would end a line
  if (user === '' || /[\x00-\x1f\x7f]/.test(user)) {
    throw new InputError(
      'ERR_INPUT_ADDRESS',
      'user: the name for OAUTHBEARER is not empty and holds no control characters',
    );
  }
  // RFC 5801 section 4: "," and "=" are escaped in the authorization identity.
  const identity = user.replaceAll('=', '=3D').replaceAll(',', '=2C');
  const response = `n,a=${identity},\x01host=${host}\x01port=${port}\x01auth=Bearer ${token.reveal()}\x01\x01`;
  // RFC 7628 section 3.2.3: the dummy answer to the error challenge is a single U+0001.
  return {
    name: 'OAUTHBEARER',
    token,
    initialResponse: new Secret(Buffer.from(response).toString('base64')),
    errorAnswer: 'AQ==',
  };
}
