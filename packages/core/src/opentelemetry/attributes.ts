// What a span or a metric says of a server and of an error: OpenTelemetry's words where it has any, nothing that names a person.
import { AuthenticationError, InputError, MailError, ReplyError, TokenError } from '../errors.ts';
import type { Attributes } from './api-shapes.ts';
import type { ServerContext } from '../tracing.ts';

export function serverAttributes({ provider, host, port }: ServerContext): Attributes {
  return {
    'server.address': host,
    'server.port': port,
    'network.protocol.name': 'smtp',
    'mailgrant.provider': provider,
  };
}

/** `TLSv1.3` is `tls` and `1.3`. */
export function tlsVersion(protocol: string | undefined): Attributes {
  const version = /^TLSv([0-9.]+)$/.exec(protocol ?? '')?.[1];
  return version === undefined ? {} : { 'tls.protocol.name': 'tls', 'tls.protocol.version': version };
}

export function errorAttributes(error: unknown): Attributes {
  // What is not ours may have anything for a name or a code; `_OTHER` is the word of the conventions for that.
  const attributes: Attributes = { 'error.type': '_OTHER' };
  if (error instanceof InputError) attributes['error.type'] = error.code;
  if (!(error instanceof MailError)) return attributes;
  attributes['error.type'] = error.code;
  attributes['mailgrant.may_have_been_sent'] = error.mayHaveBeenSent;
  if (error.stage !== undefined) attributes['mailgrant.stage'] = error.stage;
  if (error instanceof ReplyError || error instanceof AuthenticationError) {
    attributes['mailgrant.reply.code'] = error.reply.code;
    if (error.reply.status !== undefined) attributes['mailgrant.reply.status'] = error.reply.status;
  }
  if (error instanceof TokenError && error.status !== undefined) {
    attributes['http.response.status_code'] = error.status;
  }
  return attributes;
}

export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : 'not an Error';
}
