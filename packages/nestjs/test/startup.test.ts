import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { NestFactory } from '@nestjs/core';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { MailModule, type MailModuleOptions } from '../src/index.ts';
import { accountOf, Lines } from './helpers.ts';

let sandbox: Sandbox;
let lines: Lines;

beforeEach(async () => {
  sandbox = await createSandbox();
  lines = new Lines();
});

afterEach(() => sandbox.close());

const start = (verifyOnStartup?: MailModuleOptions['verifyOnStartup']) =>
  NestFactory.createApplicationContext(
    { module: class {}, imports: [MailModule.forRoot({ account: accountOf(sandbox), verifyOnStartup })] },
    { logger: lines, abortOnError: false },
  );

test('nothing is asked of anybody when the application starts', async () => {
  const app = await start();
  await app.close();
  expect(sandbox.tokenRequests).toEqual([]);
  expect(sandbox.sessions).toEqual([]);
});

test("'warn' does not wait: the failure is logged with its remedy", async () => {
  sandbox.entra.next({ aadsts: 7000215 });
  const app = await start('warn');
  await vi.waitFor(() => expect(lines.lines).not.toEqual([]), { timeout: 10_000 });
  await app.close();
  expect(lines.lines).toEqual([
    expect.stringMatching(/^warn \[MailModule\] Mailer "default" could not log in\.\n.*client secret/),
  ]);
  expect(lines.lines.join()).toContain('AADSTS7000215');
  expect(lines.lines.join()).not.toContain(sandbox.clientSecret);
});

test("'warn' is silent when it worked, and when the application closes meanwhile", async () => {
  const app = await start('warn');
  await vi.waitFor(() =>
    expect(sandbox.sessions.flatMap(({ entries }) => entries).some(({ text }) => text.startsWith('235'))).toBe(true),
  );
  await app.close();
  sandbox.entra.next({ hang: true });
  await (await start('warn')).close();
  expect(lines.lines).toEqual([]);
});

test("'fail' waits, and the application starts when it can log in", async () => {
  const app = await start('fail');
  expect(sandbox.tokenRequests).toHaveLength(1);
  await app.close();
});

test("'fail' ends the start with the error", async () => {
  sandbox.entra.next({ aadsts: 7000215 });
  await expect(start('fail')).rejects.toMatchObject({ code: 'ERR_OAUTH_REFUSED' });
});
