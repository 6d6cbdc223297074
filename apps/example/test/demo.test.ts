// The demo as a person starts it: a process with arguments, an environment, two streams and an exit code.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { ACCOUNT, SECRETS } from './fixtures.ts';

const DECORATORS = new URL('decorators.ts', import.meta.url).href;
const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface StartOptions {
  readonly env?: Record<string, string>;
  /** Called once, when the demo has printed these words. */
  readonly when?: readonly [words: string, act: (child: ReturnType<typeof spawn>) => void];
}

/** Runs the demo from its source until it ends. */
function runDemo(args: readonly string[], { env = {}, when }: StartOptions = {}): Promise<Ended> {
  const { PATH = '', SystemRoot = '' } = process.env;
  const asSource = ['--conditions=@mailgrant/source', '--import', DECORATORS];
  const child = spawn(process.execPath, [...asSource, MAIN, '--no-worker', ...args], {
    env: { PATH, SystemRoot, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  let waiting = when;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    if (waiting === undefined || !stdout.includes(waiting[0])) return;
    waiting[1](child);
    waiting = undefined;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
}

describe('the demo', { timeout: 60_000, concurrent: true }, () => {
  test('sends three mails, says what happened to each, and ends', async () => {
    const { exitCode, stdout, stderr } = await runDemo(['--once']);
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    expect(stdout.match(/^ ✓ .*$/gm)).toEqual([
      expect.stringMatching(/^ ✓ received in \d+ ms/),
      expect.stringMatching(/^ ✓ ready in \d+ ms, 7 round trips$/),
      expect.stringMatching(/^ ✓ sent in \d+ ms, 2 round trips$/),
      expect.stringMatching(/^ ✓ sent in \d+ ms, 2 round trips$/),
      expect.stringMatching(/^ ✓ sent to 2 of 3 in \d+ ms, 2 round trips$/),
    ]);
    expect(stdout).toContain('carries   SMTP.SendAsApp for https://outlook.office365.com\n');
    expect(stdout).toContain('subject   Reminder: your appointment');
    expect(stdout).toContain('visits.csv attached');
    expect(stdout).toContain('refused   no-such-person@example.com: 550 5.1.10');
    expect(stdout).toMatch(/\n3 mails, 13 round trips, \d+ ms, 1 token request, 1 connection\n/);
    for (const framework of ['NestJS', 'Fastify']) {
      expect(stdout).toContain(
        `The same from ${framework}\n   order     POST /orders: 202 {"accepted":["guest@example.com"]}\n`,
      );
    }
    expect(stdout).not.toMatch(SECRETS);
  });

  test('shows the conversation with --verbose: in 80 columns, without the token, without colours in a pipe', async () => {
    const { exitCode, stdout } = await runDemo(['--once', '--verbose']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('C: STARTTLS');
    expect(stdout).toContain('C: AUTH XOAUTH2 [redacted]');
    expect(stdout).toContain('S: 354 Start mail input');
    expect(stdout).not.toMatch(SECRETS);
    expect(stdout).not.toContain('\u001B');
    // A single long word is not broken: the queue id in the server's reply.
    expect(stdout.split('\n').filter((line) => line.length > 80 && line.trim().includes(' '))).toEqual([]);
  });

  test('keeps the inbox open until Ctrl-C', async () => {
    const { exitCode, stdout, stderr } = await runDemo([], {
      when: ['Press Ctrl-C to stop.', (child) => child.kill('SIGINT')],
    });
    expect(stdout).toMatch(/Read them in the inbox: {2}http:\/\/127\.0\.0\.1:\d+\/\n/);
    expect(stdout).toMatch(/\nStopped\.\n$/);
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
  });

  test('ends when nobody reads what it prints', async () => {
    const { exitCode, stderr } = await runDemo([], { when: ['Mailgrant', (child) => child.stdout?.destroy()] });
    expect(stderr).toBe('');
    expect([0, 130]).toContain(exitCode); // whether the mails were through by then is a matter of time
  });

  test('explains a wrong secret on stderr and ends with 1', async () => {
    const { exitCode, stdout, stderr } = await runDemo(['--fail', 'secret']);
    expect(stderr).toContain('The client secret is wrong');
    expect(stderr).toContain('AADSTS7000215');
    expect(stderr).toContain('TokenError ERR_OAUTH_REFUSED');
    expect(stdout).toContain('An access token');
    expect(stdout + stderr).not.toMatch(SECRETS);
    expect(exitCode).toBe(1);
  });

  test('says which settings of an account are missing and ends with 2', async () => {
    const { MAILGRANT_TENANT_ID, MAILGRANT_USER } = ACCOUNT;
    const { exitCode, stdout, stderr } = await runDemo([], { env: { MAILGRANT_TENANT_ID, MAILGRANT_USER } });
    expect(stderr.replace(/\s+/g, ' ')).toContain(
      'Missing: MAILGRANT_CLIENT_ID, MAILGRANT_CLIENT_SECRET, MAILGRANT_TO.',
    );
    expect(stdout).toBe('');
    expect(exitCode).toBe(2);
  });
});
