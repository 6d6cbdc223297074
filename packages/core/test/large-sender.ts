// Sends one large streamed message, in a process of its own, and prints by how much its memory grew meanwhile.
import { clientCredentials, createMailer } from '../src/index.ts';

const [given = '{}', wire = 'grouped', megabytes = '20'] = process.argv.slice(2);
interface Given {
  readonly tokenEndpoint: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope: string;
  readonly smtp: { readonly host: string; readonly port: number };
  readonly ca: string;
  readonly mailbox: string;
}
const { tokenEndpoint, clientId, clientSecret, scope, smtp, ca, mailbox } = JSON.parse(given) as Given;
const token = clientCredentials({ tokenEndpoint, clientId, clientSecret, scope });
const mailer = createMailer({ provider: 'microsoft365', ...smtp, ca, user: mailbox, token, wire: wire as 'grouped' });
const envelope = { from: mailbox, to: ['someone@example.com'] };

// The first message loads and compiles what every message needs; what the large one needs comes on top.
await mailer.send({ envelope, message: 'Subject: small\r\n\r\n' });
globalThis.gc?.();
const before = process.memoryUsage.rss();
let most = before;
const line = `${'A'.repeat(76)}\r\n`;
const piece = Buffer.from(line.repeat(800));

async function* pieces(): AsyncGenerator<Uint8Array> {
  yield Buffer.from(`Subject: large\r\n\r\n`);
  for (let left = Number(megabytes) * 1024 * 1024; left > 0; left -= piece.length) {
    most = Math.max(most, process.memoryUsage.rss());
    yield Buffer.from(piece); // new each time, as from a file
  }
}

await mailer.send({ envelope, message: pieces() });
console.log(JSON.stringify({ growth: Math.max(most, process.memoryUsage.rss()) - before }));
await mailer.close();
