// An account as one text: microsoft365://CLIENT_ID:SECRET@TENANT?user=noreply@contoso.com
import { PROVIDERS } from '@mailgrant/core';

export interface ReadUrl {
  readonly settings: Readonly<Record<string, unknown>>;
  /** What is wrong with it; nothing of it is repeated. */
  readonly mistakes: readonly string[];
}

const SETTINGS = ['user', 'host', 'port', 'tls', 'scope', 'authority', 'tokenEndpoint', 'label'];
const FORM = 'expected PROVIDER://CLIENT_ID:SECRET@TENANT?user=ADDRESS, each part percent-encoded';

/** Reads an account out of a URL whose scheme is a provider of core. */
export function readUrl(text: string): ReadUrl {
  const match = /^([a-z][a-z0-9-]*):\/\/([^:@/?#]*):([^@/?#]*)@([^/?#]+)\/?(?:\?([^#]*))?$/i.exec(text.trim());
  if (match === null) return { settings: {}, mistakes: [FORM] };
  const [, provider = '', clientId = '', clientSecret = '', tenantId = '', query = ''] = match.map(decode);
  const mistakes: string[] = [];
  if (match.some((part, i) => i > 0 && i < 5 && decode(part) === '')) mistakes.push(FORM);
  if (!Object.hasOwn(PROVIDERS, provider.toLowerCase())) {
    mistakes.push(`the scheme has to be one of ${Object.keys(PROVIDERS).join(', ')}`);
  }
  const settings: Record<string, unknown> = { provider: provider.toLowerCase(), clientId, clientSecret, tenantId };
  for (const [name, value] of new URLSearchParams(match[5] ?? query)) {
    if (!SETTINGS.includes(name)) mistakes.push(`there is no parameter of this name; there are ${SETTINGS.join(', ')}`);
    else settings[name] = name === 'port' ? Number(value) : value;
  }
  return { settings, mistakes: [...new Set(mistakes)] };
}

function decode(text: string | undefined): string {
  try {
    return decodeURIComponent(text ?? '');
  } catch {
    return ''; // told as a part that is missing
  }
}
