// The examples say what is there: the configuration loads and is in order, the others call what exists.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { loadConfig } from '../src/process/config.ts';
import { checkSchedules } from '../src/schedule/definition.ts';
import { createMailWorker } from '../src/worker.ts';
import { openStore } from '../src/store/open-store.ts';
import { createStoreDirectory } from './support/embedded.ts';

const example = (name: string): string => fileURLToPath(new URL(`../examples/${name}`, import.meta.url));
const text = (name: string): string => readFileSync(example(name), 'utf8');

test('the configuration makes a worker', async () => {
  using directory = await createStoreDirectory();
  Object.assign(process.env, {
    MAILGRANT_TENANT_ID: '7d9c1f9e-0a43-4f43-8f6f-0f9a4d7c2a11',
    MAILGRANT_CLIENT_ID: '3f1d5a52-7f5e-4f0e-9a55-0c1f7c1f2b10',
    MAILGRANT_CLIENT_SECRET: 'canary',
    MAILGRANT_USER: 'noreply@contoso.com',
    STATE_DIRECTORY: directory.dir,
  });
  delete process.env['DATABASE_URL'];
  const { config, store: options } = await loadConfig(example('mailgrant.config.ts'), '/');
  expect(options).toEqual({ kind: 'embedded', dir: directory.dir });
  expect([...checkSchedules(config.schedules ?? [], Object.keys(config.mailboxes)).keys()]).toEqual(['digest']);
  expect(config.mailboxes['noreply']).toMatchObject({
    connections: 3,
    ratePerMinute: 30,
    recipientsPerDay: 10_000,
    recipientsPerMessage: 500,
  });
  const store = await openStore({ ...options, durability: 'process-crash' } as typeof options);
  expect(createMailWorker({ ...config, store }).health().state).toBe('starting');
  await store.close();
});

test('unit, container and composition start the command that is there, and wait longer than it drains', () => {
  const main = 'node_modules/@mailgrant/worker/dist/process/main.js';
  expect(existsSync(fileURLToPath(new URL('../src/process/main.ts', import.meta.url)))).toBe(true);
  expect(text('mailgrant-worker.service')).toContain(`ExecStart=/usr/bin/node ${main} run\n`);
  expect(text('Dockerfile')).toContain(`CMD ["node", "${main}", "run"]\n`);
  expect(text('mailgrant-worker.service')).toMatch(/^TimeoutStopSec=35$/m);
  expect(text('compose.yaml')).toMatch(/^ {4}stop_grace_period: 35s$/m);
  expect(text('Dockerfile')).toContain('http://127.0.0.1:9464/readyz');
});
