// Exim 4, as Debian builds it. It has no XOAUTH2 of its own: its `plaintext` driver compares the whole response.
import { mkdir, chown, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { idOf, isRoot, isolated, missingProgram } from '../debian.ts';
import { freePorts, startDaemon, versionOf } from '../daemon.ts';
import { REFUSED, type RunningServer, type ServerContext, type ServerKind } from '../server.ts';

const EXIM = '/usr/sbin/exim4';
const USER = 'Debian-exim';

export const exim: ServerKind = {
  name: 'exim',
  missing: () => missingProgram(EXIM, { root: false }),
  start,
};

async function start(context: ServerContext): Promise<RunningServer> {
  const { folder } = context;
  const ports = await freePorts(2);
  const [starttls = 0, implicit = 0] = ports;
  for (const path of [folder, join(folder, 'spool'), join(folder, 'log')]) {
    await mkdir(path, { recursive: true });
    if (isRoot) await chown(path, idOf(USER), idOf(USER));
  }
  const file = join(folder, 'exim.conf');
  await writeFile(file, configuration(context, starttls, implicit));
  const inside = { as: USER, folder };
  const shown = await versionOf(await isolated([EXIM, '-C', file, '-bV'], inside));
  const daemon = await startDaemon({
    command: await isolated([EXIM, '-C', file, '-bdf', '-q30m'], inside),
    ports,
    log: join(folder, 'log/mainlog'),
  });
  return {
    version: `Exim ${/version (\S+)/.exec(shown)?.[1] ?? ''}`,
    ports: { starttls, implicit },
    prepends: undefined,
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  };
}

function configuration({ files, accounts, sink, folder }: ServerContext, starttls: number, implicit: number): string {
  const authenticator = (mechanism: 'XOAUTH2' | 'OAUTHBEARER'): string => `
${mechanism.toLowerCase()}:
  driver = plaintext
  public_name = ${mechanism}
  server_prompts = :
  server_condition = \${if inlisti{\${sha256:$auth1}}{${accounts.digests(mechanism, [starttls, implicit]).join(':')}}}
  server_set_id = ${accounts.user}
`;
  return `
primary_hostname = exim.interop.example
spool_directory = ${folder}/spool
log_file_path = ${folder}/log/%slog
pid_file_path = ${folder}/exim.pid
keep_environment =
deliver_drop_privilege = true
local_interfaces = 127.0.0.1
daemon_smtp_ports = ${starttls} : ${implicit}
tls_on_connect_ports = ${implicit}
tls_advertise_hosts = *
tls_certificate = ${files.certificate}
tls_privatekey = ${files.key}
auth_advertise_hosts = \${if eq{$tls_in_cipher}{}{}{*}}
smtputf8_advertise_hosts = *
dsn_advertise_hosts = *
host_lookup =
rfc1413_query_timeout = 0s
# what keeps a message from leaving at once
queue_only = false
smtp_accept_queue_per_connection = 0
# a message leaves as it came
received_header_text =
message_size_limit = 64M
acl_smtp_rcpt = recipients
acl_smtp_data = anything

begin acl
recipients:
  deny local_parts = ${REFUSED}
       message = 5.1.1 no such user
  accept authenticated = *
  deny message = 5.7.1 log in first
anything:
  accept

begin routers
everything:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = sink

begin transports
sink:
  driver = smtp
  port = ${sink.port}
  allow_localhost
  hosts_avoid_tls = *
  hosts_try_chunking =
  message_linelength_limit = 1G

begin retry
* * F,1m,1s

begin authenticators
${authenticator('XOAUTH2')}${authenticator('OAUTHBEARER')}`;
}
