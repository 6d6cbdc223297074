// A real browser, where the machine has one: Chromium, spoken to over its debugging protocol.
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, type X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** `undefined` where there is none. */
export const CHROMIUM: string | undefined = (process.env['PATH'] ?? '')
  .split(':')
  .flatMap((folder) => NAMES.map((name) => join(folder, name)))
  .find((path) => existsSync(path));

export interface Tab extends AsyncDisposable {
  open(url: string): Promise<void>;
  /** What can be read, in one line; empty while a page is on its way. */
  text(): Promise<string>;
  /** Presses the button or link whose words begin with these. */
  press(words: string): Promise<void>;
  /** Name and attributes of the cookies for an address. */
  cookies(url: string): Promise<readonly { name: string; secure: boolean; httpOnly: boolean; sameSite?: string }[]>;
  /** What the browser complained of: policies that were violated, scripts that failed. */
  readonly complaints: readonly string[];
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly result?: Record<string, unknown>;
  readonly params?: { readonly entry?: { readonly source: string; readonly text: string } };
}

/** @param origins whose certificates are to be trusted, by their keys */
export async function openChromium(origins: readonly string[]): Promise<Tab> {
  const keys = await Promise.all(origins.map(keyOf));
  const profile = mkdtempSync(join(tmpdir(), 'mailgrant-chromium-'));
  const options = ['--headless=new', '--disable-gpu', '--no-first-run', `--user-data-dir=${profile}`];
  // It has no sandbox for root, as whom containers run.
  const rights = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const trust = `--ignore-certificate-errors-spki-list=${keys.join()}`;
  const child = spawn(CHROMIUM ?? '', [...options, ...rights, trust, '--remote-debugging-port=0', 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const { port } = new URL(await addressOf(child));
  const targets = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as Record<string, string>[];
  const page = targets.find(({ type }) => type === 'page');
  const socket = new WebSocket(page?.['webSocketDebuggerUrl'] ?? '');
  await once(socket, 'open');

  const answers = new Map<number, (result: Record<string, unknown>) => void>();
  const complaints: string[] = [];
  let count = 0;
  socket.addEventListener('message', ({ data }) => {
    const { id, method, result, params } = JSON.parse(String(data)) as Message;
    if (id !== undefined) answers.get(id)?.(result ?? {});
    const { source = 'network', text = '' } = (method === 'Log.entryAdded' && params?.entry) || {};
    if (source !== 'network') complaints.push(text);
  });
  const command = (method: string, params: object = {}): Promise<Record<string, unknown>> =>
    new Promise((resolve) => {
      count += 1;
      answers.set(count, resolve);
      socket.send(JSON.stringify({ id: count, method, params }));
    });
  const run = async (expression: string): Promise<unknown> => {
    const { result } = await command('Runtime.evaluate', { expression });
    return (result as { value?: unknown } | undefined)?.value;
  };
  await command('Log.enable');

  return {
    complaints,
    open: async (url) => void (await command('Page.navigate', { url })),
    text: async () => {
      const text = await run("document.body?.innerText.replace(/\\s+/g, ' ')");
      return typeof text === 'string' ? text : '';
    },
    press: async (words) => {
      const all = "[...document.querySelectorAll('button, a')]";
      await run(`${all}.find((one) => one.innerText.startsWith(${JSON.stringify(words)})).click()`);
    },
    cookies: async (url) => (await command('Network.getCookies', { urls: [url] }))['cookies'] as never,
    async [Symbol.asyncDispose]() {
      socket.close();
      const ended = once(child, 'exit');
      child.kill();
      await ended;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function addressOf(child: ChildProcess): Promise<string> {
  let said = '';
  for await (const chunk of child.stderr ?? []) {
    said += String(chunk);
    const [, address] = /DevTools listening on (\S+)/.exec(said) ?? [];
    if (address !== undefined) {
      child.stderr?.resume();
      return address;
    }
  }
  throw new Error(`Chromium ended: ${said}`);
}

/** SHA-256 of the public key a server shows, as Chromium wants it. */
async function keyOf(origin: string): Promise<string> {
  const { hostname, port } = new URL(origin);
  const socket = connect({ host: hostname, port: Number(port), servername: hostname, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { publicKey } = socket.getPeerX509Certificate() as X509Certificate;
  socket.end();
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');
}
