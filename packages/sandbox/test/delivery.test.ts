import { expect, test } from 'vitest';
import { createSandbox, transcript } from '../src/index.ts';
import { fetchToken, mailer } from './clients.ts';

test('a token from the token endpoint sends mail through the SMTP server into the inbox', async () => {
  await using sandbox = await createSandbox();
  const token = await fetchToken(sandbox);
  const info = await mailer(sandbox, token).sendMail({
    from: `Contoso <${sandbox.mailbox}>`,
    to: 'ada@example.com',
    subject: 'Grüße',
    text: 'Hello\r\n.\r\n..dots',
    attachments: [{ filename: 'notes.txt', content: 'attached' }],
  });
  expect(info.response).toMatch(/^250 2\.0\.0 OK <\S+@\S+\.prod\.outlook\.com> \[Hostname=\S+\.prod\.outlook\.com\]$/);
  const message = await sandbox.inbox.waitFor(({ subject }) => subject === 'Grüße');
  expect(message.envelope).toEqual({ from: sandbox.mailbox, to: ['ada@example.com'], refused: [] });
  expect(message.identity).toMatchObject({ clientId: sandbox.clientId, mailbox: sandbox.mailbox });
  const { text, attachments } = await message.parse();
  expect(text).toBe('Hello\n.\n..dots\n');
  expect(attachments.map(({ filename, content }) => [filename, Buffer.from(content).toString()])).toEqual([
    ['notes.txt', 'attached'],
  ]);
  expect(transcript(message.conversation)).not.toContain(token.slice(0, 40));
});
