// The examples of the README that can be run, run as they stand there: in a process of their own, against the sandbox.
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { VARIABLES } from '../src/settings/variables.ts';

const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const dir = join(import.meta.dirname, '../.cache/readme');
let sandbox: Sandbox;

beforeAll(() => void mkdirSync(dir, { recursive: true }));
afterAll(() => rmSync(dir, { recursive: true }));
beforeEach(async () => {
  sandbox = await createSandbox();
});
afterEach(() => sandbox.close());

/** Runs the example that a comment `<!-- run: name -->` stands before. */
async function run(name: string): Promise<string> {
  const [, code] = new RegExp(`<!-- run: ${name} -->\\n+\`\`\`ts\\n([\\s\\S]*?)\`\`\`\\n`).exec(README) ?? [];
  if (code === undefined) throw new Error(`there is no example ${name}`);
  const file = join(dir, `${name}.mts`);
  const ca = join(dir, 'ca.pem');
  writeFileSync(file, code);
  writeFileSync(ca, sandbox.ca);
  const { smtp, mailbox, clientId, clientSecret, tokenEndpoint } = sandbox;
  const env = {
    MAIL_PROVIDER: 'microsoft365',
    MAIL_HOST: smtp.host,
    MAIL_PORT: String(smtp.port),
    MAIL_CA_FILE: ca,
    MAIL_USER: mailbox,
    MAIL_TOKEN_ENDPOINT: tokenEndpoint,
    MAIL_CLIENT_ID: clientId,
    MAIL_CLIENT_SECRET: clientSecret,
  };
  const ran = await promisify(execFile)(process.execPath, ['--conditions=@mailgrant/source', file], { env });
  expect(ran.stderr).toBe('');
  return ran.stdout;
}

test('the start sends', async () => {
  expect(await run('hello')).toContain("[ 'ada@example.org' ] [] 250 2.0.0 OK");
  expect((await sandbox.inbox.messages[0]?.parse())?.text?.trim()).toBe('It works.');
});

test('definitions send and preview', async () => {
  expect(await run('definitions')).toBe('Invoice 7\n');
  const [message] = sandbox.inbox.messages;
  expect(message?.subject).toBe('Invoice 7');
  expect((await message?.parse())?.html).toContain('<li>Tea &#38; biscuits</li>');
});

test('fakes work without any server', async () => {
  expect(await run('testing')).toBe('Your invoice\n');
});

test('every variable is in the README', () => {
  const missing = VARIABLES.map(({ name }) => `MAIL_${name}`).filter((name) => !README.includes(`\`${name}\``));
  expect(missing).toEqual(['MAIL_PASSWORD', 'MAIL_PASS']); // which are refused
});
