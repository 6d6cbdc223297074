// What the command prints once it serves: every setting there is.
import type { Sandbox } from './sandbox.ts';

/** What the sandbox itself does not know of how it was started. */
export interface StartedWith {
  readonly caFile: string | undefined;
  readonly hveAccount: string;
}

export function instructions(sandbox: Sandbox, { caFile, hveAccount }: StartedWith): string {
  const { managedIdentity, smtp, hve, url } = sandbox;
  return `Microsoft 365 on localhost, nothing leaves this machine.

  inbox     ${url}
  SMTP      ${smtp.host}:${smtp.port} (STARTTLS), scope ${sandbox.scope}
  HVE       ${hve.smtp.host}:${hve.smtp.port} (STARTTLS), scope ${hve.scope}, account ${hveAccount}
  tokens    ${sandbox.tokenEndpoint}
  https     ${sandbox.authority}
  CA        ${caFile ?? `${url}api/ca.pem`}
  faults    ${url}api/faults
  admin     ${url}api/admin, ${url}api/directory
  people    ${people(sandbox)}
  password  ${sandbox.password} (of ${sandbox.mailbox})

To send to it, set:

${exported({
  MAILGRANT_TENANT_ID: sandbox.tenantId,
  MAILGRANT_CLIENT_ID: sandbox.clientId,
  MAILGRANT_CLIENT_SECRET: sandbox.clientSecret,
  MAILGRANT_USER: sandbox.mailbox,
  MAILGRANT_TOKEN_ENDPOINT: sandbox.tokenEndpoint,
  MAILGRANT_SMTP_HOST: smtp.host,
  MAILGRANT_SMTP_PORT: String(smtp.port),
  ...(caFile !== undefined && { NODE_EXTRA_CA_CERTS: caFile }),
})}

For a managed identity, one of these:

${exported(managedIdentity.imds)}

${exported({ ...managedIdentity.appService })}

A fault, and an administrator at work:

  curl -d '{"name":"too-many-connections"}' -H 'Content-Type: application/json' ${url}api/faults
  curl -d '{"SmtpClientAuthenticationDisabled":true}' -H 'Content-Type: application/json' ${url}api/admin/Set-TransportConfig

Stop it with Ctrl+C.
`;
}

const exported = (variables: Readonly<Record<string, string>>): string =>
  Object.entries(variables)
    .map(([name, value]) => `  export ${name}='${value}'`)
    .join('\n');

const people = ({ directory }: Sandbox): string =>
  directory.current.tenants
    .flatMap(({ users }) => users)
    .map(({ upn }) => upn)
    .join(', ');
