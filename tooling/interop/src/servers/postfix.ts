// Postfix with Dovecot behind its AUTH, the usual pair on Linux.
import { chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { idOf, isolated, missingProgram } from '../debian.ts';
import { freePorts, startDaemon, versionOf } from '../daemon.ts';
import { REFUSED, type RunningServer, type ServerContext, type ServerKind } from '../server.ts';
import { missingDovecot, startDovecot } from './dovecot.ts';

const MASTER = '/usr/lib/postfix/sbin/master';

export const postfix: ServerKind = {
  name: 'postfix',
  missing: async () => (await missingProgram(MASTER, { root: true })) ?? (await missingDovecot()),
  start,
};

async function start(context: ServerContext): Promise<RunningServer> {
  const { folder } = context;
  const [starttls = 0, implicit = 0] = await freePorts(2);
  const login = join(folder, 'login');
  const socket = join(login, 'auth');
  await mkdir(login, { recursive: true });
  const services = `
protocols =
ssl = no
service auth {
  unix_listener ${socket} {
    mode = 0666
  }
}
`;
  const dovecot = await startDovecot({ ...context, folder: login }, services, []);

  const conf = join(folder, 'conf');
  await mkdir(conf);
  await makeQueue(folder);
  await writeFile(join(conf, 'main.cf'), mainConfiguration(context, socket));
  await writeFile(join(conf, 'master.cf'), masterConfiguration(starttls, implicit));
  await writeFile(join(conf, 'dynamicmaps.cf'), '');
  const version = await versionOf(await isolated(['/usr/sbin/postconf', '-c', conf, '-h', 'mail_version'], { folder }));
  const daemon = await startDaemon({
    command: await isolated([MASTER, '-c', conf, '-d'], { folder }),
    ports: [starttls, implicit],
    log: join(folder, 'postfix.log'),
  });
  return {
    version: `Postfix ${version}, Dovecot ${dovecot.version}`,
    ports: { starttls, implicit },
    prepends: /^Received: (?:.|\r\n[ \t])*\r\n/,
    async [Symbol.asyncDispose]() {
      await daemon[Symbol.asyncDispose]();
      await dovecot[Symbol.asyncDispose]();
    },
  };
}

/** What `postfix check` would make. */
async function makeQueue(folder: string): Promise<void> {
  const owner = idOf('postfix');
  const queue = join(folder, 'queue');
  await mkdir(join(queue, 'pid'), { recursive: true });
  for (const name of [
    'active',
    'bounce',
    'corrupt',
    'defer',
    'deferred',
    'flush',
    'hold',
    'incoming',
    'private',
    'saved',
    'trace',
  ]) {
    await mkdir(join(queue, name), { mode: 0o700 });
    await chown(join(queue, name), owner, 0);
  }
  for (const name of ['maildrop', 'public']) {
    await mkdir(join(queue, name), { mode: name === 'public' ? 0o710 : 0o730 });
    await chown(join(queue, name), owner, idOf('postdrop'));
  }
  await mkdir(join(folder, 'data'), { mode: 0o700 });
  await chown(join(folder, 'data'), owner, owner);
}

function mainConfiguration({ files, sink, folder }: ServerContext, socket: string): string {
  return `compatibility_level = 3.6
queue_directory = ${folder}/queue
data_directory = ${folder}/data
meta_directory = ${folder}/conf
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
shlib_directory = /usr/lib/postfix
mail_owner = postfix
setgid_group = postdrop
default_privs = nobody
maillog_file = ${folder}/postfix.log
maillog_file_prefixes = ${folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = postfix.interop.example
mynetworks =
mydestination =
alias_maps =
alias_database =
local_transport = error:nobody lives here
relayhost = [127.0.0.1]:${sink.port}
smtp_dns_support_level = disabled
# a message leaves as it came
smtp_line_length_limit = 0
disable_mime_output_conversion = yes
local_header_rewrite_clients =
message_size_limit = 67108864
smtpd_recipient_restrictions =
  check_recipient_access inline:{{${REFUSED}@example.org = 550 5.1.1 no such user}}
  permit_sasl_authenticated
  reject
smtpd_tls_cert_file = ${files.certificate}
smtpd_tls_key_file = ${files.key}
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = ${socket}
`;
}

function masterConfiguration(starttls: number, implicit: number): string {
  const unix = (name: string, command = name): string => `${name} unix - - n - - ${command}\n`;
  return `127.0.0.1:${starttls} inet n - n - - smtpd
127.0.0.1:${implicit} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
flush unix n - n 1000? 0 flush
showq unix n - n - - showq
postlog unix-dgram n - n - 1 postlogd
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
proxywrite unix - - n - 1 proxymap
rewrite unix - - n - - trivial-rewrite
${['proxymap', 'smtp', 'error', 'discard'].map((name) => unix(name)).join('')}${unix('retry', 'error')}${unix('relay', 'smtp')}`;
}
