// docs/migration.md: what is left of each diff when it has been applied compiles, and sends.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { linkFolder, linkInstalled } from './consumer.ts';
import { PACKAGES, read, ROOT } from './workspace.ts';

const run = promisify(execFile);
const dir = mkdtempSync(join(tmpdir(), 'mailgrant-migration-'));
const PAGE = read('docs/migration.md');

/** What a program of a reader has around the lines of the page. `account` and the rest are settings for the sandbox. */
const AROUND: Readonly<Record<string, { readonly before: string; readonly after: string }>> = {
  nodemailer: { before: '', after: '' },
  'nodemailer-oauth2': { before: '', after: '' },
  emailjs: { before: '', after: '' },
  fastify: {
    before: '',
    after: `console.log((await app.inject({ method: 'POST', url: '/orders' })).json()); await app.close();`,
  },
  nestjs: {
    before: `import 'reflect-metadata'; import { NestFactory } from '@nestjs/core';`,
    after: `const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
      console.log((await app.get(Orders).confirm('ada@example.org')).accepted);
      await app.close();`,
  },
};

const SETTINGS = `import type { MailAccount } from '@mailgrant/mail';
interface Settings {
  readonly account: MailAccount & { readonly user: string };
  readonly clientId: string; readonly clientSecret: string; readonly refreshToken: string;
  readonly accessUrl: string; readonly host: string; readonly port: number;
}
const { account, clientId, clientSecret, refreshToken, accessUrl, host, port } =
  JSON.parse(process.env['SETTINGS'] ?? '') as Settings;
const { user } = account;
void [account, user, clientId, clientSecret, refreshToken, accessUrl, host, port];`;

const afters = [...PAGE.matchAll(/^<!-- after: (\S+) -->\n+```diff\n((?:.*\n)*?)```$/gm)].map(
  ([, name = '', diff = '']) => {
    const kept = diff.split('\n').filter((line) => !line.startsWith('-'));
    return { name, code: kept.map((line) => line.slice(1)).join('\n') };
  },
);

let sandbox: Sandbox;

beforeAll(async () => {
  await run(process.execPath, [join(ROOT, 'tooling/tasks/build.mjs'), './packages/*']);
  const nodeModules = join(dir, 'node_modules');
  for (const member of PACKAGES) {
    linkFolder(join(ROOT, member.path), join(nodeModules, member.manifest.name));
    const { dependencies, devDependencies, peerDependencies } = member.manifest;
    for (const name of Object.keys({ ...dependencies, ...devDependencies, ...peerDependencies })) {
      if (!existsSync(join(nodeModules, name))) linkInstalled(member, [name], nodeModules);
    }
  }
  linkFolder(join(ROOT, 'node_modules/@types/node'), join(nodeModules, '@types/node'));
  mkdirSync(join(dir, 'out'));
  writeFileSync(join(dir, 'package.json'), '{ "private": true, "type": "module" }');
  for (const { name, code } of afters) {
    const { before, after } = AROUND[name] ?? { before: '', after: '' };
    writeFileSync(join(dir, `${name}.ts`), [before, SETTINGS, code, after].join('\n'));
  }
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));
beforeEach(async () => {
  sandbox = await createSandbox();
});
afterEach(() => sandbox.close());

/** A person's consent, as it was given to the program before. */
async function consent(): Promise<string> {
  const { tokenEndpoint, clientId, clientSecret, mailbox, password } = sandbox;
  const grant = {
    grant_type: 'password',
    username: mailbox,
    password,
    scope: 'https://outlook.office.com/SMTP.Send offline_access',
  };
  const body = new URLSearchParams({ ...grant, client_id: clientId, client_secret: clientSecret });
  const answer = await fetch(tokenEndpoint, { method: 'POST', body });
  return ((await answer.json()) as { refresh_token: string }).refresh_token;
}

async function execute(name: string): Promise<string> {
  const { smtp, ca, mailbox, clientId, clientSecret, tokenEndpoint, scope } = sandbox;
  const { host, port } = smtp;
  const account = {
    provider: 'microsoft365',
    host,
    port,
    ca,
    user: mailbox,
    clientId,
    clientSecret,
    tokenEndpoint,
    scope,
  };
  const settings = {
    account,
    clientId,
    clientSecret,
    refreshToken: await consent(),
    accessUrl: tokenEndpoint,
    host,
    port,
  };
  const caFile = join(dir, 'ca.pem');
  writeFileSync(caFile, ca);
  const env = { ...process.env, SETTINGS: JSON.stringify(settings), NODE_EXTRA_CA_CERTS: caFile };
  return (await run(process.execPath, [join(dir, 'out', `${name}.js`)], { env })).stdout;
}

describe('after the change', () => {
  test('everything compiles', async () => {
    const options = {
      compilerOptions: {
        strict: true,
        module: 'nodenext',
        target: 'es2022',
        types: ['node'],
        skipLibCheck: true,
        moduleDetection: 'force',
        experimentalDecorators: true,
        emitDecoratorMetadata: true,
        rootDir: '.',
        outDir: 'out',
      },
      files: afters.map(({ name }) => `${name}.ts`),
    };
    writeFileSync(join(dir, 'tsconfig.json'), JSON.stringify(options));
    const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
    const complaints = await run(process.execPath, [tsc, '--project', dir, '--pretty', 'false']).then(
      () => '',
      (error: { stdout: string }) => error.stdout,
    );
    expect(complaints).toBe('');
    expect(afters.map(({ name }) => name).toSorted()).toEqual(Object.keys(AROUND).toSorted());
  });

  test('nodemailer sends', async () => {
    expect(await execute('nodemailer')).toContain("[ 'ada@example.org' ] <");
    expect(sandbox.inbox.messages.map(({ subject }) => subject)).toEqual(['Hello']);
  });

  test('nodemailer logs in with the refresh token it had', async () => {
    expect(await execute('nodemailer-oauth2')).toBe('true\n');
    expect(sandbox.tokenRequests.at(-1)).toMatchObject({ grant: 'refresh_token' });
  });

  test('NestJS sends', async () => {
    expect(await execute('nestjs')).toContain("[ 'ada@example.org' ]");
    expect(sandbox.inbox.messages.map(({ subject }) => subject)).toEqual(['Your order']);
  });

  test('Fastify sends', async () => {
    expect(await execute('fastify')).toContain('{ ordered: true }');
    expect(sandbox.inbox.messages.map(({ subject }) => subject)).toEqual(['Your order']);
  });

  test('what was written for emailjs sends', async () => {
    await execute('emailjs');
    expect(sandbox.inbox.messages[0]?.envelope.to).toEqual(['ada@example.org', 'grace@example.org']);
    expect((await sandbox.inbox.messages[0]?.parse())?.html?.trim()).toBe('<p>Hi</p>');
  });
});
