// Spans and metrics out of the tracing channels.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { TracingChannel } from 'node:diagnostics_channel';
import type { Attributes, MeterShape, SpanShape, TracerShape } from './api-shapes.ts';
import { errorAttributes, errorText, serverAttributes, tlsVersion } from './attributes.ts';
import { type Operation, createMetrics } from './metrics.ts';
import { AUTHENTICATE, CONNECT, SEND, type ServerContext, TOKEN, TOKEN_EVENTS } from '../tracing.ts';

/** What to write to, and how much. */
export interface ObserveOptions {
  /** `trace.getTracer('…')` of @opentelemetry/api. */
  readonly tracer: TracerShape;
  /** `metrics.getMeter('…')` of @opentelemetry/api. Default: no metrics. */
  readonly meter?: MeterShape | undefined;
  /**
   * Also record the messages and stacks of errors. They repeat what the server said and may name recipients; tokens are
   * taken out of them in any case. Default `false`: code, stage, reply code and enhanced status code only.
   */
  readonly recordErrors?: boolean | undefined;
}

/** `SpanKind.CLIENT`. */
const CLIENT = 2;
/** `SpanStatusCode.ERROR`. */
const FAILED = 2;

/** Something under way. */
interface Running {
  readonly span: SpanShape;
  /** From `performance.now()`. */
  readonly startedAt: number;
  /** Runs a function where the span is the active one; gone when it has ended. */
  inside: ((run: () => void) => void) | undefined;
}

/** What is made of one tracing channel. */
interface Followed<C extends ServerContext & { result?: object }> {
  readonly channel: TracingChannel<unknown, C & object>;
  readonly operation: Operation;
  readonly span: string;
  /** What is known when it starts. */
  readonly given?: (context: C) => Attributes;
  /** What its result adds. */
  readonly found?: (result: NonNullable<C['result']>) => Attributes;
  readonly ended?: (context: C, attributes: Attributes) => void;
}

/**
 * Makes spans, and metrics where a `meter` is given, of what all mailers of this process do, until the function it
 * returns is called. The API's objects are taken by their shape: the core needs nothing of OpenTelemetry.
 *
 * Spans: `smtp send` in the context that `send()` was called in, below it `oauth token`, `smtp connect` and
 * `smtp authenticate` where a connection was opened for that message; a connection opened for nobody in particular
 * begins a trace of its own. Metrics: `mailgrant.send.duration`, `mailgrant.send.queue.duration`,
 * `mailgrant.connect.duration`, `mailgrant.authenticate.duration`, `mailgrant.token.duration` (seconds),
 * `mailgrant.recipients`, `mailgrant.token.events`. Attributes: `server.address`, `server.port`, `network.protocol.name`,
 * `tls.protocol.version` and `error.type` (an ErrorCode) as in OpenTelemetry's conventions, and `mailgrant.…`. There is
 * no address, no subject and no token in any of them and, unless `recordErrors` is set, no text that a server chose.
 */
export function observe({ tracer, meter, recordErrors = false }: ObserveOptions): () => void {
  const metrics = meter === undefined ? undefined : createMetrics(meter);
  /** The send that what happens now is part of. */
  const current = new AsyncLocalStorage<Running | undefined>();

  const startSend = (name: string, attributes: Attributes): Running | undefined => {
    let running: Running | undefined;
    tracer.startActiveSpan(name, { kind: CLIENT, attributes }, (span) => {
      // The way back here, for what belongs to the send: without the API itself there is no other.
      running = { span, startedAt: performance.now(), inside: AsyncLocalStorage.snapshot() };
    });
    return running;
  };

  const startPart = (name: string, attributes: Attributes): Running => {
    const send = current.getStore();
    let span: SpanShape | undefined;
    send?.inside?.(() => {
      span = tracer.startSpan(name, { kind: CLIENT, attributes });
    });
    // The context of a send clings to the connection opened for it; what happens there after its end is not its doing.
    span ??= tracer.startSpan(name, { kind: CLIENT, attributes, ...(send !== undefined && { root: true }) });
    return { span, startedAt: performance.now(), inside: undefined };
  };

  const finish = ({ span }: Running, error: unknown, found: Attributes): Attributes => {
    const attributes = error === undefined ? found : errorAttributes(error);
    span.setAttributes(attributes);
    if (error !== undefined) {
      span.setStatus({ code: FAILED, ...(recordErrors && { message: errorText(error) }) });
      if (recordErrors) span.recordException(error instanceof Error ? error : errorText(error));
    }
    span.end();
    return attributes;
  };

  const follow = <C extends ServerContext & { result?: object }>(followed: Followed<C>): (() => void) => {
    const { channel, operation, given, found, ended } = followed;
    const all = new WeakMap<object, Running>();
    const begin = harmless((context: C & object) => {
      const attributes = { ...serverAttributes(context), ...given?.(context) };
      const running = (operation === 'send' ? startSend : startPart)(followed.span, attributes);
      if (running !== undefined) all.set(context, running);
      return running;
    });
    const end = harmless((context: C & object) => {
      const running = all.get(context);
      if (running === undefined) return; // it began before anybody listened
      running.inside = undefined;
      const { result, error } = context;
      const failure = result === undefined ? (error ?? 'unknown') : undefined;
      const { 'error.type': type } = finish(running, failure, (result && found?.(result)) ?? {});
      const attributes = { ...serverAttributes(context), ...(type !== undefined && { 'error.type': type }) };
      metrics?.took(operation, performance.now() - running.startedAt, attributes);
      ended?.(context, attributes);
    });
    const onStart = begin as (context: unknown) => void;
    const onEnd = end as (context: unknown) => void;
    // What happens during a send finds it in the store; its parts have no parts of their own.
    if (operation === 'send') channel.start.bindStore(current, begin);
    else channel.start.subscribe(onStart);
    channel.asyncEnd.subscribe(onEnd);
    return () => {
      channel.start.unbindStore(current);
      channel.start.unsubscribe(onStart);
      channel.asyncEnd.unsubscribe(onEnd);
    };
  };

  const onTokenEvent = harmless((event) => {
    const { provider, type } = event as { provider: string; type: string };
    metrics?.tokenEvent(type, { 'mailgrant.provider': provider });
  });
  TOKEN_EVENTS.subscribe(onTokenEvent);

  const stops = [
    follow({
      channel: SEND,
      operation: 'send',
      span: 'smtp send',
      given: ({ recipients, size }) => ({
        'mailgrant.recipients': recipients,
        ...(size !== undefined && { 'mailgrant.size': size }),
      }),
      found: ({ accepted, deferred, refused, roundTrips, queue }) => ({
        'mailgrant.accepted': accepted,
        'mailgrant.deferred': deferred,
        'mailgrant.refused': refused,
        'mailgrant.round_trips': roundTrips,
        'mailgrant.queue_ms': queue,
      }),
      ended({ result, error }, attributes) {
        if (result === undefined) metrics?.notSent(error, attributes);
        else metrics?.sent(result, attributes);
      },
    }),
    follow({ channel: TOKEN, operation: 'token', span: 'oauth token' }),
    follow({
      channel: CONNECT,
      operation: 'connect',
      span: 'smtp connect',
      found: ({ tls, roundTrips }) => ({ ...tlsVersion(tls), 'mailgrant.round_trips': roundTrips }),
    }),
    follow({
      channel: AUTHENTICATE,
      operation: 'authenticate',
      span: 'smtp authenticate',
      given: ({ mechanism }) => ({ 'mailgrant.auth.mechanism': mechanism }),
      found: ({ inline }) => ({ 'mailgrant.auth.inline': inline }),
    }),
  ];
  return () => {
    TOKEN_EVENTS.unsubscribe(onTokenEvent);
    for (const stop of stops) stop();
  };
}

/** An exception in a subscriber ends the process; no span is worth that. */
function harmless<A, R>(listener: (argument: A) => R): (argument: A) => R | undefined {
  return (argument) => {
    try {
      return listener(argument);
    } catch {
      return undefined; // the tracer's trouble: the API promises not to throw, and nobody here could help
    }
  };
}
