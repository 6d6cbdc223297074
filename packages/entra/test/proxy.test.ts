// Where only a proxy leads out: Node.js takes it from the environment, and requests to Entra go through it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { createSandbox } from '@mailgrant/sandbox';
import { expect, test } from 'vitest';
import { cloudOf } from './sandboxed.ts';
import type { StoreTask } from './store-process.ts';

/** NODE_USE_ENV_PROXY and TypeScript without a build came with the same releases. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const knowsProxies = process.features.typescript && (major > 24 || (major === 24 && minor >= 5));

test.skipIf(!knowsProxies)('a request goes by way of the proxy the environment names', async () => {
  await using sandbox = await createSandbox();
  const dir = mkdtempSync(join(tmpdir(), 'mailgrant-proxy-'));
  const ca = join(dir, 'ca.pem');
  writeFileSync(ca, sandbox.ca);
  const { origin: authority, host } = new URL(sandbox.authority);
  const tunnels: string[] = [];
  const proxy = createServer().on('connect', (request, client) => {
    tunnels.push(request.url ?? '');
    const server = connect(Number(new URL(sandbox.authority).port), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      server.pipe(client).pipe(server);
    });
    server.on('error', () => client.destroy());
    client.on('error', () => server.destroy());
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  try {
    const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const script = fileURLToPath(new URL('./store-process.ts', import.meta.url));
    const child = spawn(process.execPath, ['--no-warnings', '--conditions=@mailgrant/source', script], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: {
        ...process.env,
        NODE_EXTRA_CA_CERTS: ca,
        NODE_USE_ENV_PROXY: '1',
        HTTPS_PROXY: address,
        https_proxy: address,
        NO_PROXY: '',
        no_proxy: '',
      },
    });
    const { tenantId, clientId, clientSecret, mailbox } = sandbox;
    const path = join(dir, 'store');
    const cloud = { ...cloudOf(sandbox), authority };
    const input = { task: 'app', path, cloud, tenantId, clientId, clientSecret, mailbox } as const;
    child.stdin.end(JSON.stringify(input satisfies StoreTask));
    expect((await text(child.stdout)).split('\n')).toEqual(['asks', expect.stringMatching(/^[\da-f]{64}$/), '']);
  } finally {
    proxy.closeAllConnections();
    proxy.close();
    rmSync(dir, { recursive: true, force: true });
  }
  expect(tunnels).toEqual([host]);
  expect(sandbox.tokenRequests).toMatchObject([{ outcome: 'issued' }]);
});
