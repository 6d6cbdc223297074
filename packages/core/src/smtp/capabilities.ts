// What a server offers in its EHLO reply (RFC 5321 section 4.1.1.1).
import type { Reply } from './reply.ts';

/** Extension keyword in capitals to its parameters as sent. */
export type Capabilities = ReadonlyMap<string, readonly string[]>;

/** Reads the lines after the first, which is the server's greeting. */
export function parseCapabilities(reply: Reply): Capabilities {
  const capabilities = new Map<string, readonly string[]>();
  for (const line of reply.lines.slice(1)) {
    // "AUTH=LOGIN" is the form of drafts before RFC 2554; some servers send both.
    const [keyword = '', ...parameters] = line
      .trim()
      .replace(/^AUTH=/i, 'AUTH ')
      .split(/\s+/);
    if (keyword === '') continue;
    const name = keyword.toUpperCase();
    capabilities.set(name, [...(capabilities.get(name) ?? []), ...parameters]);
  }
  return capabilities;
}

/** Whether AUTH is offered with this mechanism (RFC 4954 section 3). */
export function offersMechanism(capabilities: Capabilities, mechanism: string): boolean {
  return (capabilities.get('AUTH') ?? []).some((offered) => offered.toUpperCase() === mechanism);
}

/** The largest message in bytes (RFC 1870 section 4); `undefined` where the server names no limit. */
export function sizeLimit(capabilities: Capabilities): number | undefined {
  const limit = capabilities.get('SIZE')?.[0] ?? '';
  return /^[0-9]{1,15}$/.test(limit) && Number(limit) > 0 ? Number(limit) : undefined;
}

/** The most recipients of one transaction (LIMITS RCPTMAX, RFC 9422 section 5.2). */
export const recipientLimit = (capabilities: Capabilities): number | undefined => limit(capabilities, 'RCPTMAX');

/** The most domains among the recipients of one transaction (LIMITS RCPTDOMAINMAX, RFC 9422 section 5.3). */
export const domainLimit = (capabilities: Capabilities): number | undefined => limit(capabilities, 'RCPTDOMAINMAX');

/** The most transactions of one session (LIMITS MAILMAX, RFC 9422 section 5.1). */
export const transactionLimit = (capabilities: Capabilities): number | undefined => limit(capabilities, 'MAILMAX');

function limit(capabilities: Capabilities, name: string): number | undefined {
  for (const each of capabilities.get('LIMITS') ?? []) {
    const [key = '', value = ''] = each.split('=');
    if (key.toUpperCase() === name && /^[0-9]{1,6}$/.test(value) && Number(value) > 0) return Number(value);
  }
  return undefined;
}
