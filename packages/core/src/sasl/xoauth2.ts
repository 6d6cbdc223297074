import { InputError } from '../errors.ts';
import { Secret } from '../secret.ts';
import type { Mechanism } from './mechanism.ts';

/** SASL XOAUTH2, as Microsoft and Google document it: `user=…^Aauth=Bearer …^A^A`. */
export function xoauth2(user: string, token: Secret): Mechanism {
  // oxlint-disable-next-line no-control-regex -- U+0001 separates the fields, the others would end a line
  if (user === '' || /[\x00-\x1f\x7f]/.test(user)) {
    throw new InputError(
      'ERR_INPUT_ADDRESS',
      'user: the name for XOAUTH2 is not empty and holds no control characters',
    );
  }
  const response = `user=${user}\x01auth=Bearer ${token.reveal()}\x01\x01`;
  return {
    name: 'XOAUTH2',
    token,
    initialResponse: new Secret(Buffer.from(response).toString('base64')),
    errorAnswer: '',
  };
}
