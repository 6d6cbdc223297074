// Sends a message to each of several servers, and a second one that waits for its minute, in a process of its own, and closes nothing: it has to end by itself.
import { createMailer, genericProvider } from '../src/index.ts';

const TIMEOUT = 300;
const send = async (port: number): Promise<string> => {
  const mailer = createMailer({
    provider: { ...genericProvider('127.0.0.1', port), tls: 'none', mechanisms: ['XOAUTH2'] },
    user: 'noreply@contoso.com',
    token: async () => ({ value: 'x'.repeat(40), expiresAt: Date.now() + 3_600_000 }),
    timeouts: { greeting: TIMEOUT, command: TIMEOUT, message: TIMEOUT },
    retries: 0,
    limits: { messagesPerMinute: 1 },
  });
  const envelope = { from: 'noreply@contoso.com', to: ['someone@example.com'] };
  try {
    await mailer.send({ envelope, message: 'Subject: x\r\n\r\n' });
    await mailer.send({ envelope, message: 'Subject: y\r\n\r\n' }, { deadline: TIMEOUT });
    return 'sent';
  } catch (error) {
    const { code, stage } = error as { code: string; stage: string };
    return `${code} ${stage}`;
  }
};
console.log(JSON.stringify(await Promise.all(process.argv.slice(2).map((port) => send(Number(port))))));
