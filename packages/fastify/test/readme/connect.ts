import { encryptedFileTokenStore } from '@mailgrant/core';
import { entraConnect } from '@mailgrant/entra';
import type { FastifyInstance, preHandlerAsyncHookHandler } from 'fastify';
import connect from '../../src/connect/index.ts';
import mail from '../../src/index.ts';

export async function connectable(app: FastifyInstance, onlyAdmins: preHandlerAsyncHookHandler, passphrase: string) {
  const connection = entraConnect({
    tenantId: 'contoso.com',
    clientId: '11111111-2222-4333-8444-555555555555',
    mailbox: 'reports@contoso.com',
    redirectUri: 'https://app.example/mail/callback', // as in the app registration
    store: encryptedFileTokenStore({ path: 'grants', key: { passphrase } }),
  });
  await app.register(mail, { user: 'reports@contoso.com', token: connection.token });
  await app.register(connect, { prefix: '/mail', connection, authorize: onlyAdmins, returnTo: '/settings' });
}
