// A NestJS application that uses the packed packages: it sends a mail to a sandbox, asks how it stands, closes, and has to end
// by itself.
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { linkFolder, linkInstalled } from './consumer.ts';
import type { Member } from './workspace.ts';

/** Where each major of Nest is installed. */
const INSTALLED = { 11: 'tooling/nest-11', 12: 'packages/nestjs' } as const;

export type NestMajor = keyof typeof INSTALLED;

const APPLICATION = `
  const { createSandbox } = await load('@mailgrant/sandbox');
  const { Module } = await load('@nestjs/common');
  const { NestFactory } = await load('@nestjs/core');
  const { MailModule, MailService } = await load('@mailgrant/nestjs');
  const { MailHealthIndicator, MailHealthModule } = await load('@mailgrant/nestjs/health');

  const sandbox = await createSandbox();
  const { smtp, ca, mailbox: user, clientId, clientSecret, tokenEndpoint, scope } = sandbox;
  const account = { ...smtp, ca, user, clientId, clientSecret, tokenEndpoint, scope };
  class AppModule {}
  Module({ imports: [MailModule.forRoot({ account }), MailHealthModule] })(AppModule);
  const app = await NestFactory.create(AppModule, { logger: ['warn', 'error'] });
  await app.listen(0, '127.0.0.1');
  const { accepted } = await app.get(MailService, { strict: false }).send({ to: 'ada@example.org', text: 'Hi' });
  const { mail } = app.get(MailHealthIndicator, { strict: false }).check();
  await app.close();
  await sandbox.close();
  process.stdout.write(accepted.join() + ' ' + mail.status);
`;

/** What such an application prints. */
export const NEST_APPLICATION_PRINTS = 'ada@example.org up';

/**
 * Writes `app.mjs` and `app.cjs` into a folder, and what they need into its `node_modules`.
 *
 * @param unpacked the folder with the unpacked packages
 */
export function writeNestApplication(folder: string, major: NestMajor, unpacked: string, nestjs: Member): void {
  const nodeModules = join(folder, 'node_modules');
  for (const name of ['core', 'mail', 'sandbox'])
    linkFolder(join(unpacked, name), join(nodeModules, '@mailgrant', name));
  // Copied, not linked: it must find the Nest beside it.
  const own = join(unpacked, 'nestjs');
  const filter = (path: string): boolean => !path.startsWith(join(own, 'node_modules'));
  cpSync(own, join(nodeModules, '@mailgrant/nestjs'), { recursive: true, filter });
  const nest = ['common', 'core', 'platform-express', 'terminus'].map((name) => `@nestjs/${name}`);
  linkInstalled({ ...nestjs, path: INSTALLED[major] }, [...nest, 'reflect-metadata', 'rxjs'], nodeModules);

  writeFileSync(join(folder, 'app.mjs'), `const load = (name) => import(name);${APPLICATION}`);
  const asynchronously = `(async () => {${APPLICATION}})()`;
  writeFileSync(join(folder, 'app.cjs'), `const load = require;\n${asynchronously};`);
}
