// Go's net/smtp, where Go is installed: the same load from a compiled program.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { HOST, SENDER, TOKEN, readyMessage, recipients } from './clients/client.ts';
import { writeFile } from 'node:fs/promises';
import { type Context, startServers } from './scenario.ts';
import type { LoadResult } from './work/load.ts';

export interface GoMail {
  /** Absent where there is no Go. */
  readonly program: string | undefined;
  readonly note: string | undefined;
  run(context: Context, connections: number): Promise<LoadResult>;
}

const execute = promisify(execFile);
const source = fileURLToPath(new URL('../go/smtp.go', import.meta.url));

/** Compiles the program. */
export async function goMail({ folder }: Context): Promise<GoMail> {
  const program = join(folder, 'go-smtp');
  try {
    await execute('go', ['build', '-o', program, source], {
      env: { ...process.env, GOFLAGS: '-mod=mod', GO111MODULE: 'off' },
    });
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    const note = missing
      ? "Go's net/smtp was not run: there is no `go` on the PATH."
      : `Go's net/smtp was not run: its program did not compile: ${String(error)}`;
    return { program: undefined, note, run: () => Promise.reject(new Error(note)) };
  }
  return { program, note: undefined, run: (context, connections) => load(program, context, connections) };
}

async function load(
  program: string,
  { certificate, certificateFile, folder, quick }: Context,
  connections: number,
): Promise<LoadResult> {
  await using servers = startServers();
  const port = await servers.call('startSink', { certificate });
  const message = join(folder, 'message');
  await writeFile(message, readyMessage(2048));
  const milliseconds = quick ? ['100', '200'] : ['600', '1000'];
  const [to = ''] = recipients(1);
  const { stdout } = await execute(program, [
    `${HOST}:${port}`,
    certificateFile,
    SENDER,
    to,
    TOKEN,
    message,
    String(connections),
    ...milliseconds,
  ]);
  const { messages, seconds, cpu } = JSON.parse(stdout) as { messages: number; seconds: number; cpu: number };
  return { messages, perSecond: messages / seconds, cpuPerMessage: cpu / messages };
}
