// The options of a mailer, and what they are checked for: once, when the mailer is made.
import { InputError } from './errors.ts';
import type { CachedTokenSource } from './oauth/token-cache.ts';
import type { TokenSource } from './oauth/token-source.ts';
import { PROVIDERS, type Provider, type ProviderLimits, type ProviderName, genericProvider } from './providers.ts';
import type { QueueOptions } from './smtp/backlog.ts';
import type { TlsMode } from './smtp/session.ts';
import type { Timeouts } from './smtp/timeouts.ts';
import type { WireLevel } from './smtp/wire-ladder.ts';

/** One account: where it is, who logs in and how, and what it may do. */
export interface MailerOptions {
  /** A known service by name, or a description of another one. Required unless `host` is given. */
  readonly provider?: ProviderName | Provider | undefined;
  /** Host name or IP address instead of the provider's. */
  readonly host?: string | undefined;
  /** Default: the provider's; 587 where only a `host` is given. */
  readonly port?: number | undefined;
  /** How TLS starts. `'none'` is for servers on a loopback address only. Default: the provider's. */
  readonly tls?: TlsMode | undefined;
  /**
   * Certificate authorities to trust instead of Node's own: the text of one PEM file or of several, not their paths.
   * Certificates are always verified.
   */
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined;
  /**
   * The mailbox to log in as. Without it every message logs in as its own sender: one application permission then serves
   * many mailboxes, each with its own connections, limits and health, and each message lands in the right Sent Items.
   */
  readonly user?: string | undefined;
  /** Where access tokens come from. Cached here unless it is `cached()` already. */
  readonly token: TokenSource | CachedTokenSource;
  /** What this client calls itself in EHLO. Default: the address literal of its end of the connection. */
  readonly name?: string | undefined;
  /** Milliseconds each step may take; what is left out is as in `DEFAULT_TIMEOUTS`. */
  readonly timeouts?: Partial<Timeouts> | undefined;
  /** Milliseconds an unused connection stays open. Default 60 s. An idle connection does not keep the process alive. */
  readonly idleTimeout?: number | undefined;
  /** Milliseconds after which a connection is replaced by a new one, in use or not. Default 15 min. */
  readonly maxAge?: number | undefined;
  /** What one mailbox may do, where it differs from the provider's figures; `undefined` lifts a limit. */
  readonly limits?: Partial<ProviderLimits> | undefined;
  /** How often a message that the server put off (4yz) is tried again here, up to 10. Default 2; 0 turns it off. */
  readonly retries?: number | undefined;
  /** Milliseconds before the first of these retries, with some jitter; each further one waits four times as long. Default 2 s. */
  readonly retryDelay?: number | undefined;
  /**
   * How far round trips may be saved. The default, `'grouped'` for known services and `'data'` for others, keeps to the
   * letter of RFC 2920; `'chunked'` and `'one-flight'` use BDAT (RFC 3030) where the server offers it. A server that stumbles
   * is taken a step down, for good.
   */
  readonly wire?: WireLevel | undefined;
  /** How much may wait. */
  readonly queue?: QueueOptions | undefined;
}

export function completeProvider({ provider: given, host, port, tls, limits }: MailerOptions): Provider {
  let base: Provider;
  if (typeof given === 'string') {
    if (!Object.hasOwn(PROVIDERS, given)) {
      throw optionError('provider', `one of ${Object.keys(PROVIDERS).join(', ')}`, given);
    }
    base = PROVIDERS[given];
  } else if (given !== undefined) base = given;
  else if (host !== undefined) base = genericProvider(host, port);
  else throw new InputError('ERR_INPUT_OPTION', "provider: name a service, such as 'microsoft365', or give a host");
  const provider = {
    ...base,
    host: host ?? base.host,
    port: port ?? base.port,
    tls: tls ?? base.tls,
    limits: { ...base.limits, ...limits, connections: limits?.connections ?? base.limits.connections },
  };
  for (const [limit, value] of Object.entries(provider.limits)) {
    if (value !== undefined && !(Number.isInteger(value) && value > 0)) {
      throw optionError(`limits.${limit}`, 'a whole number above 0', value);
    }
  }
  if (!/^(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252})|[0-9A-Fa-f:.]{2,45})$/.test(provider.host)) {
    throw optionError('host', 'a host name or an IP address', provider.host);
  }
  if (!(Number.isInteger(provider.port) && provider.port > 0 && provider.port < 65_536)) {
    throw optionError('port', 'a port number', provider.port);
  }
  if (!['starttls', 'implicit', 'none'].includes(provider.tls)) {
    throw optionError('tls', "'starttls', 'implicit' or 'none'", provider.tls);
  }
  if (provider.tls === 'none' && !/^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/.test(provider.host)) {
    throw new InputError('ERR_INPUT_OPTION', `tls: 'none' is for loopback addresses, not for ${provider.host}`);
  }
  return provider;
}

export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal !== undefined && !(typeof signal === 'object' && typeof signal?.addEventListener === 'function')) {
    throw optionError('signal', 'an AbortSignal', signal);
  }
}

export function checkDeadline(deadline: number | undefined): void {
  if (deadline !== undefined && !(deadline > 0 && deadline < 2 ** 31)) {
    throw optionError('deadline', 'milliseconds above 0', deadline);
  }
}

/** Node passes over what is no certificate, such as the path of one, without a word, and then trusts nobody. */
export function asAuthorities(ca: NonNullable<MailerOptions['ca']>): readonly string[] {
  const all: readonly unknown[] = Array.isArray(ca) ? ca : [ca];
  // Decoding takes a byte order mark away, as editors put before the text.
  const decoded = all.map((each) =>
    each instanceof Uint8Array ? new TextDecoder().decode(each) : String(each).replace(/^\ufeff/, ''),
  );
  const texts = decoded.filter((text) => text.trim() !== ''); // such as behind the last of a bundle that was split
  if (texts.length > 0 && texts.every((text) => /^-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----\s/m.test(text)))
    return texts;
  // What it is stays out of the message: it may be a key.
  throw new InputError('ERR_INPUT_OPTION', 'ca: expected certificates (PEM), not a path or anything else');
}

export function optionError(name: string, expected: string, got: unknown): InputError {
  const shown =
    typeof got === 'string' ? JSON.stringify(got.slice(0, 100)) : typeof got === 'number' ? got : typeof got;
  return new InputError('ERR_INPUT_OPTION', `${name}: expected ${expected}, got ${shown}`);
}
