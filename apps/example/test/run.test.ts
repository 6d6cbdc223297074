// Runs of the demo within this process.
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { run } from '../src/run.ts';
import { readSettings } from '../src/settings.ts';
import { createTerminal } from '../src/terminal.ts';
import { SECRETS } from './fixtures.ts';

async function runDemo(args: readonly string[], stop = new AbortController().signal) {
  const settings = readSettings(['--no-worker', ...args], {});
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const exitCode = await run(settings!, {
    terminal: createTerminal(stdout),
    errors: createTerminal(stderr),
    stop,
  });
  return { exitCode, stdout: await text(stdout.end()), stderr: await text(stderr.end()) };
}

test.each([
  ['secret', ['The client secret is wrong', '401 invalid_client AADSTS7000215', 'ERR_OAUTH_REFUSED']],
  ['smtp-auth', ['535 5.7.139', 'Set-CASMailbox -Identity noreply@contoso.com', 'ERR_SMTP_AUTH_REFUSED']],
  ['consent', ['535 5.7.3', 'the token has no role', 'ERR_SMTP_AUTH_REFUSED']],
  ['access', ['430 4.2.0', 'Get-MailboxPermission -Identity noreply@contoso.com', 'ERR_SMTP_MESSAGE_REFUSED']],
  ['sender', ['554 5.2.252', 'Add-RecipientPermission -Identity ceo@contoso.com', 'ERR_SMTP_MESSAGE_REFUSED']],
])('the mistake --fail %s is explained, with what to do', async (mistake, words) => {
  const { exitCode, stdout, stderr } = await runDemo(['--fail', mistake]);
  for (const word of words) expect(stderr.replace(/\s+/g, ' ')).toContain(word);
  expect(stderr).toContain('docs/errors.md');
  expect(stdout + stderr).not.toMatch(SECRETS);
  expect(exitCode).toBe(1);
});

test('a run that is stopped before it is through says so', async () => {
  const { exitCode, stdout } = await runDemo([], AbortSignal.abort());
  expect(stdout).toMatch(/\nStopped before all mails were sent\.\n$/);
  expect(exitCode).toBe(130);
});

test('two runs at a time do not take each other’s ports', async () => {
  const runs = await Promise.all([runDemo(['--once']), runDemo(['--once'])]);
  expect(runs.map(({ exitCode, stderr }) => [exitCode, stderr])).toEqual([
    [0, ''],
    [0, ''],
  ]);
});
