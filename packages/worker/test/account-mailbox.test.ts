// A mailbox out of the settings of an account.
import { clientCredentials } from '@mailgrant/core';
import { createSandbox } from '@mailgrant/sandbox';
import { expect, test } from 'vitest';
import { mailboxOf } from '../src/index.ts';

const account = {
  user: 'noreply@contoso.com',
  tenantId: 'contoso.com',
  clientId: 'app',
  clientSecret: 'canary-secret',
};

test('it has the provider’s limits, and what the account changes of them', () => {
  expect(mailboxOf(account)).toMatchObject({
    connections: 3,
    ratePerMinute: 30,
    recipientsPerDay: 10_000,
    recipientsPerMessage: 500,
  });
  const { connections, ratePerMinute } = mailboxOf({
    ...account,
    limits: { connections: 1, messagesPerMinute: undefined },
  });
  expect([connections, ratePerMinute]).toEqual([1, null]);
  expect(mailboxOf({ ...account, provider: 'hve' })).toMatchObject({ ratePerMinute: null, recipientsPerMessage: 50 });
});

test('settings that cannot work are refused by name, without showing them', () => {
  const wrong = { ...account, tenant: 'x', clientSecret: undefined };
  expect(() => mailboxOf(wrong)).toThrow(expect.objectContaining({ code: 'ERR_INPUT_OPTION' }));
  expect(() => mailboxOf({ ...account, password: 'canary-password' } as typeof account)).not.toThrow('canary');
});

test('its mailers send, and share the token of a source', async () => {
  const sandbox = await createSandbox();
  const { tokenEndpoint, clientId, clientSecret, scope, smtp, ca, mailbox: user } = sandbox;
  const source = clientCredentials({ tokenEndpoint, clientId, clientSecret, scope });
  let asked = 0;
  const token: typeof source = (request) => ((asked += 1), source(request));
  const { mailer } = mailboxOf({ provider: 'microsoft365', ...smtp, ca, user, token });
  const message = 'Subject: x\r\n\r\nhello\r\n';
  for (let n = 0; n < 2; n++) {
    await using one = mailer();
    await one.send({ envelope: { from: user, to: ['ada@example.com'] }, message });
  }
  expect(sandbox.inbox.messages).toHaveLength(2);
  expect(asked).toBe(1);
  await sandbox.close();
});
