// Fastify applications that use the packed packages: one by `import` and one by `require()`, as people write them, and their types.
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { linkFolder } from './consumer.ts';
import { ROOT } from './workspace.ts';

const INSTALLED = 'packages/fastify/node_modules';

/** The versions by what they are installed as. */
export const FASTIFYS = ['fastify-5.0', 'fastify'] as const;

const APPLICATION = `
  const sandbox = await createSandbox();
  const { smtp, ca, mailbox: user, clientId, clientSecret, tokenEndpoint, scope } = sandbox;
  const app = fastify();
  app.register(mail, { ...smtp, ca, user, clientId, clientSecret, tokenEndpoint, scope, defaults: { from: user } });
  const mailbox = { begin: async () => {}, finish: async () => {}, disconnect: async () => {} };
  app.register(connect, { prefix: '/mail', connection: mailbox, authorize: async () => {} });
  app.get('/', async (request) => (await request.mail.send({ to: 'ada@example.org', html: html\`<p>\${'<Hi>'}</p>\` })).accepted);
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { body } = await app.inject('/');
  const { status } = app.mail.health();
  const disconnected = await app.inject({ method: 'POST', url: '/mail/disconnect' });
  await app.close();
  await sandbox.close();
  process.stdout.write([body, status, disconnected.statusCode].join(' '));
`;

/** What such an application prints. */
export const FASTIFY_APPLICATION_PRINTS = '["ada@example.org"] up 200';

/**
 * Writes `app.mjs` and `app.cjs` into a folder, and what they need into its `node_modules`.
 *
 * @param unpacked the folder with the unpacked packages
 */
export function writeFastifyApplication(folder: string, version: (typeof FASTIFYS)[number], unpacked: string): void {
  const nodeModules = join(folder, 'node_modules');
  const ours = join(nodeModules, '@mailgrant');
  for (const name of ['core', 'mail', 'sandbox']) linkFolder(join(unpacked, name), join(ours, name));
  // Copied, not linked: its types must find the Fastify beside it.
  const own = join(unpacked, 'fastify');
  const filter = (path: string): boolean => !path.startsWith(join(own, 'node_modules'));
  cpSync(own, join(ours, 'fastify'), { recursive: true, filter });
  linkFolder(join(ROOT, INSTALLED, version), join(nodeModules, 'fastify'));
  for (const name of ['@fastify/error', 'fastify-plugin']) {
    linkFolder(join(ROOT, INSTALLED, name), join(nodeModules, name));
  }
  linkFolder(join(ROOT, 'node_modules/@types/node'), join(nodeModules, '@types/node'));
  writeFileSync(
    join(folder, 'app.mjs'),
    `import connect from '@mailgrant/fastify/connect';
import mail, { html } from '@mailgrant/fastify';
import { createSandbox } from '@mailgrant/sandbox';
import fastify from 'fastify';
${APPLICATION}`,
  );
  writeFileSync(
    join(folder, 'app.cjs'),
    `const connect = require('@mailgrant/fastify/connect');
const mail = require('@mailgrant/fastify');
const { html } = require('@mailgrant/fastify');
const { createSandbox } = require('@mailgrant/sandbox');
const fastify = require('fastify');
(async () => {${APPLICATION}})();`,
  );
}

/** The same for `import` and for `import = require()`: what has to compile, and what must not. */
const USES = `
declare module '@mailgrant/fastify' {
  interface MailerNames {
    billing: true;
  }
}
const app = fastify();
const account = { user: 'noreply@contoso.com', tenantId: 'contoso.com', clientId: 'id', clientSecret: 'secret' };
app.register(mail, account);
app.register(named, { mailers: { billing: account }, verifyOnReady: 'warn' });
app.register(import('@mailgrant/fastify'), account);
app.register(connect, { prefix: '/mail', connection: () => undefined, authorize: async () => {} });
// @ts-expect-error: there is no such option
app.register(mail, { usr: 'noreply@contoso.com' });
// @ts-expect-error: nobody says who may
app.register(namedConnect, { connection: () => undefined });
app.get('/', async (request) => {
  const { accepted } = await request.mail.mailer('billing').send({ to: 'ada@example.org' });
  return { accepted };
});
// @ts-expect-error: there is no mailer of this name
app.mail.mailer('nope');
fakeMail(app)('billing').assertNothingSent();
export const options: MailPluginOptions = { account };
export const message: Mail = { to: 'ada@example.org' };
export const returnTo: ConnectOptions['returnTo'] = '/settings';
// @ts-expect-error: it is no \`any\`
export const any: 0 extends 1 & typeof mail ? true : false = true;
`;

const TYPES = `import type { Mail, MailPluginOptions } from '@mailgrant/fastify';
import type { ConnectOptions } from '@mailgrant/fastify/connect';
import { fakeMail } from '@mailgrant/fastify/testing';
`;

/** Writes `use.mts` and `use.cts` beside an application. */
export function writeFastifyTypes(folder: string): readonly string[] {
  writeFileSync(
    join(folder, 'use.mts'),
    `import fastify from 'fastify';
import mail, { mail as named } from '@mailgrant/fastify';
import connect, { connect as namedConnect } from '@mailgrant/fastify/connect';
${TYPES}${USES}`,
  );
  writeFileSync(
    join(folder, 'use.cts'),
    `import fastify = require('fastify');
import mail = require('@mailgrant/fastify');
import { mail as named } from '@mailgrant/fastify';
import connect = require('@mailgrant/fastify/connect');
import { connect as namedConnect } from '@mailgrant/fastify/connect';
${TYPES}${USES}`,
  );
  return ['use.mts', 'use.cts'];
}
