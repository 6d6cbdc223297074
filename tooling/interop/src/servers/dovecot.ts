// Dovecot: its submission server, which hands mail on to another server; and its login, which Postfix asks.
import { chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { idOf, isRoot, isolated, missingProgram } from '../debian.ts';
import { type Daemon, freePorts, startDaemon, versionOf } from '../daemon.ts';
import { startIntrospection } from '../introspection.ts';
import { REFUSED, type RunningServer, type ServerContext, type ServerKind } from '../server.ts';
import { startSink } from '../sink.ts';

const DOVECOT = '/usr/sbin/dovecot';

export const dovecot: ServerKind = {
  name: 'dovecot',
  missing: () => missingProgram('/usr/lib/dovecot/submission-login', { root: false }),
  start: startSubmission,
  known: { 'ten queued on one connection': 'hangs up when the next envelope travels behind a message' },
};

export const missingDovecot = (): Promise<string | undefined> => missingProgram(DOVECOT, { root: false });

/** Dovecot does not know recipients: those it hands mail on to do. */
async function startSubmission(context: ServerContext): Promise<RunningServer> {
  const refuses = (recipient: string): boolean => recipient.startsWith(`${REFUSED}@`);
  const relay = await startSink({ mailbox: context.sink.mailbox, refuses });
  const [starttls = 0, implicit = 0] = await freePorts(2);
  const services = `
protocols = submission
submission_relay_host = 127.0.0.1
submission_relay_port = ${relay.port}
submission_relay_trusted = no
service submission-login {
  chroot =
  inet_listener submission {
    port = ${starttls}
  }
  inet_listener submissions {
    port = ${implicit}
    ssl = yes
  }
}
ssl = required
ssl_cert = <${context.files.certificate}
ssl_key = <${context.files.key}
`;
  const running = await startDovecot(context, services, [starttls, implicit]);
  return {
    version: `Dovecot ${running.version}`,
    ports: { starttls, implicit },
    prepends: /^Received: (?:.|\r\n[ \t])*\r\n/,
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]();
      await relay[Symbol.asyncDispose]();
    },
  };
}

export interface Dovecot extends Daemon {
  readonly version: string;
}

/** Starts Dovecot with these services on top of logging in. */
export async function startDovecot(
  { accounts, folder }: ServerContext,
  services: string,
  ports: readonly number[],
): Promise<Dovecot> {
  const users = { dovecot: idOf('dovecot'), dovenull: idOf('dovenull') };
  const home = join(folder, 'home');
  await mkdir(join(folder, 'run'), { recursive: true });
  await mkdir(home);
  if (isRoot) await chown(home, users.dovecot, users.dovecot);
  const introspection = await startIntrospection(accounts);
  const passdb = join(folder, 'oauth2.conf');
  await writeFile(
    passdb,
    `introspection_mode = post
introspection_url = http://127.0.0.1:${introspection.port}/introspect
force_introspection = yes
username_attribute = username
active_attribute = active
active_value = true
`,
  );
  const file = join(folder, 'dovecot.conf');
  const log = join(folder, 'dovecot.log');
  await writeFile(
    file,
    `base_dir = ${folder}/run
state_dir = ${folder}/run
log_path = ${log}
auth_verbose = yes
listen = 127.0.0.1
default_internal_user = dovecot
default_internal_group = dovecot
default_login_user = dovenull
first_valid_uid = 1
disable_plaintext_auth = yes
auth_mechanisms = xoauth2 oauthbearer
mail_location = maildir:${home}
service anvil {
  chroot =
}
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = ${passdb}
}
userdb {
  driver = static
  args = uid=${users.dovecot} gid=${users.dovecot} home=${home}
}
${services}`,
  );
  const version = await versionOf(await isolated([DOVECOT, '--version'], { folder }));
  const daemon = await startDaemon({ command: await isolated([DOVECOT, '-c', file, '-F'], { folder }), ports, log });
  return {
    pid: daemon.pid,
    version: version.split(' ')[0] ?? '',
    async [Symbol.asyncDispose]() {
      await daemon[Symbol.asyncDispose]();
      await introspection[Symbol.asyncDispose]();
    },
  };
}
