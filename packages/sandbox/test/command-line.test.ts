import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCommand } from '../src/command-line.ts';
import { fetchToken, mailer, requestToken } from './clients.ts';

const FREE = ['--port', '0'];

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
    expect(printed).toContain(`inbox     ${sandbox?.url}`);
    expect(printed).toContain(`https     ${sandbox?.authority}`);
    expect(printed).toContain(`SMTP      localhost:${sandbox?.smtp.port} (STARTTLS), scope ${sandbox?.scope}`);
    expect(printed).toContain(`HVE       localhost:${sandbox?.hve.smtp.port} (STARTTLS), scope ${sandbox?.hve.scope}`);
    expect(printed).toContain(`password  ${sandbox?.password} (of ${sandbox?.mailbox})`);
    expect(printed).toContain('people    noreply@contoso.com, bulk@contoso.com, admin@contoso.onmicrosoft.com');
    expect(printed).toContain(`export IDENTITY_HEADER='${sandbox?.managedIdentity.appService.IDENTITY_HEADER}'`);
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

/** Four ports in a row that are free, below those the system hands out by itself. */
async function freeRow(): Promise<number> {
  for (let base = 12_000 + (process.pid % 2000) * 4; ; base += 4) {
    const servers = [0, 1, 2, 3].map(() => createServer());
    const listening = servers.map(
      (server, index) =>
        new Promise<boolean>((resolve) => {
          server.once('error', () => resolve(false)).listen(base + index, '127.0.0.1', () => resolve(true));
        }),
    );
    const free = await Promise.all(listening);
    const open = servers.filter((_, index) => free[index]);
    await Promise.all(open.map((server) => new Promise((resolve) => server.close(resolve))));
    if (!free.includes(false)) return base;
  }
}

test('one base port stands for all four, and each can be another', async () => {
  const base = await freeRow();
  await using sandbox = await runCommand(['--port', String(base), '--hve-port', '0'], {}, () => {});
  expect(sandbox?.smtp.port).toBe(base);
  expect(new URL(sandbox?.url ?? '').port).toBe(String(base + 1));
  expect(new URL(sandbox?.authority ?? '').port).toBe(String(base + 2));
  expect([base, base + 3]).not.toContain(sandbox?.hve.smtp.port);
});

test('the ready-made tenant sends by each way: SMTP, High Volume Email, a managed identity, another cloud', async () => {
  await using sandbox = await runCommand([...FREE, '--cloud', 'usgov', '--hve', 'mass@contoso.com'], {}, () => {});
  if (sandbox === undefined) throw new Error('it did not start');
  const mail = (from: string) => ({ from, to: 'ada@contoso.com', subject: from });
  await mailer(sandbox, await fetchToken(sandbox)).sendMail(mail(sandbox.mailbox));
  const { body } = await requestToken(sandbox, { scope: sandbox.hve.scope });
  expect(body['error_codes']).toEqual([500011]); // there is no High Volume Email in that cloud
  const { IDENTITY_ENDPOINT: endpoint, IDENTITY_HEADER: header } = sandbox.managedIdentity.appService;
  const query = '?api-version=2019-08-01&resource=https://outlook.office365.us';
  const answer = await fetch(`${endpoint}${query}`, { headers: { 'X-IDENTITY-HEADER': header } });
  const { access_token: token } = (await answer.json()) as { access_token: string };
  await mailer(sandbox, token).sendMail(mail(sandbox.mailbox));
  expect(sandbox.inbox.messages).toHaveLength(2);

  await using worldwide = await runCommand([...FREE, '--hve', 'mass@contoso.com'], {}, () => {});
  if (worldwide === undefined) throw new Error('it did not start');
  const { body: granted } = await requestToken(worldwide, { scope: worldwide.hve.scope });
  const transport = mailer(
    { ...worldwide, smtp: worldwide.hve.smtp },
    String(granted['access_token']),
    'mass@contoso.com',
  );
  await transport.sendMail(mail('mass@contoso.com'));
  expect(worldwide.inbox.messages).toHaveLength(1);
});

test('faults can be there from the start, until they are cleared', async () => {
  await using sandbox = await runCommand(
    [...FREE, '--fault', 'login-refused', '--fault', 'token-throttled'],
    {},
    () => {},
  );
  expect(sandbox?.faults.map(({ name, left }) => [name, left])).toEqual([
    ['token-throttled', Infinity],
    ['login-refused', Infinity],
  ]);
  await expect(runCommand([...FREE, '--fault', 'no-such'], {}, () => {})).rejects.toThrow(
    'there is no fault "no-such"',
  );
});

test('a port asked for must be free; help and mistakes start nothing', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const taken = String((server.address() as AddressInfo).port);
  for (const name of ['port', 'smtp-port', 'http-port', 'https-port', 'hve-port']) {
    await expect(
      runCommand([...FREE, `--${name}`, taken], {}, () => {}),
      name,
    ).rejects.toThrow('EADDRINUSE');
  }
  server.close();
  await expect(runCommand(['--smtp-port', 'x'], {}, () => {})).rejects.toThrow('--smtp-port takes a port');
  await expect(runCommand(['--port', '65533'], {}, () => {})).rejects.toThrow('--port');
  await expect(runCommand([...FREE, '--cloud', 'mars'], {}, () => {})).rejects.toThrow(
    '--cloud takes one of worldwide',
  );
  await expect(runCommand(['--frob'], {}, () => {})).rejects.toThrow("Unknown option '--frob'");
  let printed = '';
  expect(await runCommand(['--help'], {}, (text) => (printed += text))).toBeUndefined();
  expect(printed).toContain('--ca-file');
});
