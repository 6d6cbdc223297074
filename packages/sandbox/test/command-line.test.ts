import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCommand } from '../src/command-line.ts';

const FREE = ['--smtp-port', '0', '--http-port', '0'];

test('starts, tells how to use it, and writes the CA where asked to', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mailgrant-sandbox-'));
  try {
    const file = join(folder, 'ca.pem');
    let printed = '';
    await using sandbox = await runCommand(
      [...FREE, '--ca-file', file, '--refuse', 'ghost@example.com'],
      {},
      (text) => {
        printed += text;
      },
    );
    expect(printed).toContain(`inbox   ${sandbox?.url}`);
    expect(printed).toContain(`https   ${sandbox?.authority}`);
    expect(printed).toContain(`export MAILGRANT_SMTP_PORT='${sandbox?.smtp.port}'`);
    expect(printed).toContain(`export MAILGRANT_CLIENT_SECRET='${sandbox?.clientSecret}'`);
    expect(printed).toContain(`export NODE_EXTRA_CA_CERTS='${file}'`);
    expect(await readFile(file, 'utf8')).toBe(sandbox?.ca);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('takes over the settings it finds, so that they survive a restart', async () => {
  const env = {
    MAILGRANT_TENANT_ID: '7d9c1f9e-0a43-4f43-8f6f-0f9a4d7c2a11',
    MAILGRANT_CLIENT_ID: '3f1d5a52-7f5e-4f0e-9a55-0c1f7c1f2b10',
    MAILGRANT_CLIENT_SECRET: 'kept',
    MAILGRANT_USER: 'reports@fabrikam.com',
  };
  await using sandbox = await runCommand(FREE, env, () => {});
  expect(sandbox).toMatchObject({
    tenantId: env.MAILGRANT_TENANT_ID,
    clientId: env.MAILGRANT_CLIENT_ID,
    clientSecret: 'kept',
    mailbox: 'reports@fabrikam.com',
  });
});

test('a port asked for must be free; help and mistakes start nothing', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const taken = String((server.address() as AddressInfo).port);
  await expect(runCommand(['--smtp-port', taken, '--http-port', '0'], {}, () => {})).rejects.toThrow('EADDRINUSE');
  await expect(runCommand(['--smtp-port', '0', '--http-port', taken], {}, () => {})).rejects.toThrow('EADDRINUSE');
  server.close();
  await expect(runCommand(['--smtp-port', 'x'], {}, () => {})).rejects.toThrow('--smtp-port takes a port');
  await expect(runCommand(['--frob'], {}, () => {})).rejects.toThrow("Unknown option '--frob'");
  let printed = '';
  expect(await runCommand(['--help'], {}, (text) => (printed += text))).toBeUndefined();
  expect(printed).toContain('--ca-file');
});
