// docs/recipes.md shows the files in src/recipes, and the mails they make arrive.
import { readFileSync } from 'node:fs';
import { createMailClient, type RenderedMail } from '@mailgrant/mail';
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { reminder } from '../src/recipes/handlebars.ts';
import { welcome } from '../src/recipes/mjml.ts';
import { receipt } from '../src/recipes/react-email.tsx';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');
const PAGE = read('../../../docs/recipes.md');

test.each([['react-email.tsx'], ['mjml.ts'], ['handlebars.ts']])('docs/recipes.md shows %s', (name) => {
  expect(PAGE).toContain(`\`\`\`${name.replace(/.*\./, '')}\n${read(`../src/recipes/${name}`)}\`\`\``);
});

test('docs/recipes.md shows the version of each engine it was tried with', () => {
  const catalog = read('../../../pnpm-workspace.yaml');
  for (const [, name = '', version = ''] of PAGE.matchAll(/^npm install --save-exact (\S+)@([\d.]+)/gm)) {
    expect(catalog).toMatch(new RegExp(`^ {4}'?${name}'?: ${version}$`, 'm'));
  }
});

const HOSTILE = '<script>alert(1)</script>';

describe('a mail made with', () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await createSandbox();
  });
  beforeEach(() => sandbox.inbox.clear());
  afterAll(() => sandbox.close());

  async function arrived(mail: Promise<RenderedMail>) {
    const { smtp, ca, mailbox: user, clientId, clientSecret, tokenEndpoint, scope } = sandbox;
    const account = { ...smtp, ca, user, clientId, clientSecret, tokenEndpoint, scope };
    await using client = createMailClient({ account, defaults: { from: user, to: 'ada@example.org' } });
    await client.send(mail);
    const [message] = sandbox.inbox.messages;
    const { html = '', text = '' } = (await message?.parse()) ?? {};
    return { subject: message?.subject, html, text };
  }

  test('react-email', async () => {
    const props = {
      name: HOSTILE,
      items: [
        { title: 'Slide rule', price: '€ 12' },
        { title: 'Abacus', price: '€ 9' },
      ],
    };
    const { subject, html, text } = await arrived(receipt(props));
    expect(subject).toBe('Your receipt for 2 items');
    expect(html).toContain('Slide rule');
    expect(html).not.toContain('<script');
    expect(text).toContain('€ 12');
  });

  test('MJML', async () => {
    const { subject, html, text } = await arrived(welcome({ name: HOSTILE, url: 'https://contoso.com/?a="b"' }));
    expect(subject).toContain('Welcome');
    expect(html).toContain('<table');
    expect(html).not.toMatch(/<script|<mj/);
    expect(text).toContain('Begin');
  });

  test('Handlebars', async () => {
    const props = { name: HOSTILE, appointments: [{ day: 'Thursday', room: 'Oslo' }] };
    const { html, text } = await arrived(reminder(props));
    expect(html).toContain('Dear &lt;script&gt;');
    expect(text).toContain('Thursday in room Oslo');
  });

  test.each([
    ['react-email', receipt],
    ['MJML', welcome],
    ['Handlebars', reminder],
  ])('%s has a preview', async (_name, mail) => {
    expect((await arrived(mail.preview())).html).toContain('Ada');
  });
});
