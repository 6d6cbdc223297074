// Connecting a mailbox in Chromium, where there is one: what cookies and policies do is for a browser to say.
import { expect, test } from 'vitest';
import { CHROMIUM, openChromium } from './chromium.ts';
import { MAILBOX, startConnectApp, STRANGER } from './connect-app.ts';

test.skipIf(CHROMIUM === undefined)(
  'in Chromium: the wrong account, then the right one; the cookie comes back from another site, and pages keep to their policy',
  { timeout: 120_000 },
  async () => {
    await using started = await startConnectApp({ connect: { authorize: async () => {} } });
    const { url, sandbox, connection } = started;
    await using tab = await openChromium([url, sandbox.authority]);
    const shows = async (words: string): Promise<void> => {
      await expect.poll(() => tab.text(), { timeout: 30_000 }).toContain(words);
    };

    await tab.open(`${url}begin`);
    await shows('Pick an account');
    expect(await tab.cookies(url)).toMatchObject([
      { name: '__Host-mailgrant-connect', secure: true, httpOnly: true, sameSite: 'Lax' },
    ]);
    await tab.press(STRANGER);
    await shows(`You signed in as ${STRANGER}, which may not send as ${MAILBOX}`);
    expect(await connection.state()).toBeUndefined();

    await tab.press('Begin again');
    await shows('Pick an account');
    await tab.press(MAILBOX);
    await shows('The mailbox is connected');
    expect(await connection.state()).toMatchObject({ account: { username: MAILBOX } });
    const names = (await tab.cookies(url)).map(({ name }) => name);
    expect(names).not.toContain('__Host-mailgrant-connect');
    expect(tab.complaints).toEqual([]);
  },
);
