// observe() against the real OpenTelemetry API and SDK, with mail that goes through the sandbox.
import { AsyncResource } from 'node:async_hooks';
import { tracingChannel } from 'node:diagnostics_channel';
import { type Sandbox, createSandbox } from '@mailgrant/sandbox';
import { context, trace as api } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { AggregationTemporality, InMemoryMetricExporter, MeterProvider } from '@opentelemetry/sdk-metrics';
import { PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Mailer, clientCredentials, createMailer } from '../src/index.ts';
import { type ObserveOptions, type TracerShape, observe } from '../src/opentelemetry/index.ts';
import { CONNECT, SEND, type SendContext, trace } from '../src/tracing.ts';

const manager = new AsyncLocalStorageContextManager();
beforeAll(() => context.setGlobalContextManager(manager.enable()));
afterAll(() => context.disable());

const ALL = ['send', 'connect', 'authenticate', 'token'];

interface Bench extends AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly mailer: Mailer;
  readonly tracer: ReturnType<TracerProvider['getTracer']>;
  stop(): void;
  spans(): ReadableSpan[];
  span(name: string): ReadableSpan | undefined;
  metrics(): Promise<Metric[]>;
  send(to?: string): ReturnType<Mailer['send']>;
}

interface Metric {
  readonly name: string;
  readonly points: readonly { readonly attributes: object; readonly value: unknown }[];
}

async function bench(options: Partial<ObserveOptions> = {}): Promise<Bench> {
  const exporter = new InMemorySpanExporter();
  const tracers = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter: metricExporter, exportIntervalMillis: 3_600_000 });
  const meters = new MeterProvider({ readers: [reader] });
  const tracer = tracers.getTracer('test');
  const sandbox = await createSandbox();
  const { tokenEndpoint, clientId, clientSecret, scope, smtp, ca, mailbox } = sandbox;
  const token = clientCredentials({ tokenEndpoint, clientId, clientSecret, scope });
  const mailer = createMailer({ provider: 'microsoft365', ...smtp, ca, user: mailbox, token, retries: 0 });
  const stop = observe({ tracer, meter: meters.getMeter('test'), ...options });
  return {
    sandbox,
    mailer,
    tracer,
    stop,
    spans: () => exporter.getFinishedSpans(),
    span: (name) => exporter.getFinishedSpans().find((span) => span.name === name),
    async metrics() {
      await reader.forceFlush();
      const all =
        metricExporter
          .getMetrics()
          .at(-1)
          ?.scopeMetrics.flatMap((scope) => scope.metrics) ?? [];
      return all.map(({ descriptor, dataPoints }) => ({
        name: descriptor.name,
        points: dataPoints.map(({ attributes, value }) => ({ attributes, value })),
      }));
    },
    send: (to = 'canary-recipient@example.com') =>
      mailer.send({ envelope: { from: mailbox, to: [to] }, message: 'Subject: canary-subject\r\n\r\nhi\r\n' }),
    async [Symbol.asyncDispose]() {
      stop();
      await mailer.close({ deadline: 50 });
      await sandbox.close();
      await meters.shutdown();
      await tracers.shutdown();
    },
  };
}

const names = (spans: readonly ReadableSpan[]): string[] => spans.map(({ name }) => name).sort();
const FIRST = ['oauth token', 'smtp authenticate', 'smtp connect', 'smtp send'];

test('a send is a span in the context of its caller, and what it had opened is below it', async () => {
  await using b = await bench();
  await b.tracer.startActiveSpan('request', async (span) => {
    await b.send();
    span.end();
  });
  expect(names(b.spans())).toEqual([...FIRST.slice(0, 1), 'request', ...FIRST.slice(1)]);
  const send = b.span('smtp send');
  expect(send?.parentSpanContext?.spanId).toBe(b.span('request')?.spanContext().spanId);
  for (const name of FIRST.slice(0, 3)) {
    expect(b.span(name)?.parentSpanContext?.spanId, name).toBe(send?.spanContext().spanId);
  }
  const { host, port } = b.sandbox.smtp;
  const server = { 'server.address': host, 'server.port': port, 'network.protocol.name': 'smtp' };
  const shared = { ...server, 'mailgrant.provider': 'microsoft365' };
  expect(send?.attributes).toEqual({
    ...shared,
    'mailgrant.recipients': 1,
    'mailgrant.size': 31,
    'mailgrant.accepted': 1,
    'mailgrant.deferred': 0,
    'mailgrant.refused': 0,
    'mailgrant.round_trips': 9,
    'mailgrant.queue_ms': expect.any(Number),
  });
  expect(b.span('oauth token')?.attributes).toEqual(shared);
  const tls = { 'tls.protocol.name': 'tls', 'tls.protocol.version': '1.3' };
  expect(b.span('smtp connect')?.attributes).toEqual({ ...shared, ...tls, 'mailgrant.round_trips': 4 });
  const auth = { 'mailgrant.auth.mechanism': 'XOAUTH2', 'mailgrant.auth.inline': true };
  expect(b.span('smtp authenticate')?.attributes).toEqual({ ...shared, ...auth });
});

test('sends at the same time keep to their callers, and a warm connection adds nothing below', async () => {
  await using b = await bench();
  await b.send();
  const requests = ['one', 'two', 'three'];
  await Promise.all(
    requests.map((name) =>
      b.tracer.startActiveSpan(name, async (span) => {
        await b.send();
        span.end();
      }),
    ),
  );
  expect(names(b.spans())).toEqual([...FIRST, 'smtp send', 'smtp send', 'smtp send', ...requests].sort());
  const parents = b.spans().flatMap(({ name, parentSpanContext }) => (name === 'smtp send' ? [parentSpanContext] : []));
  const expected = requests.map((name) => b.span(name)?.spanContext().spanId);
  expect(parents.map((parent) => parent?.spanId)).toEqual([undefined, ...expected]);
});

test('what happens on a connection after the send that opened it ended is not part of that send', async () => {
  await using b = await bench();
  const server = { provider: 'generic', host: 'mail.example.com', port: 587 };
  const result: SendContext['result'] = {
    accepted: 1,
    deferred: 0,
    refused: 0,
    queueId: undefined,
    roundTrips: 2,
    queue: 0,
  };
  const connect = (): Promise<unknown> =>
    trace(
      CONNECT,
      () => ({ ...server }),
      () => Promise.resolve(0),
      () => ({ tls: undefined, roundTrips: 1 }),
    );
  let later = connect;
  await b.tracer.startActiveSpan('request', async (span) => {
    await trace(
      SEND,
      () => ({ ...server, recipients: 1, size: undefined }),
      async () => {
        await connect();
        later = AsyncResource.bind(connect);
      },
      () => result,
    );
    span.end();
  });
  await later();
  const [during, after] = b.spans().filter(({ name }) => name === 'smtp connect');
  expect(during?.parentSpanContext?.spanId).toBe(b.span('smtp send')?.spanContext().spanId);
  expect(after?.parentSpanContext).toBeUndefined();
  expect(after?.spanContext().traceId).not.toBe(during?.spanContext().traceId);
});

test('verify() is seen in the context of its caller', async () => {
  await using b = await bench();
  await b.tracer.startActiveSpan('health check', async (span) => {
    await b.mailer.verify();
    span.end();
  });
  const parent = b.span('health check')?.spanContext().spanId;
  expect(
    ['oauth token', 'smtp connect', 'smtp authenticate'].map((name) => b.span(name)?.parentSpanContext?.spanId),
  ).toEqual([parent, parent, parent]);
});

test('a refusal has its codes, and no word of the server', async () => {
  await using b = await bench();
  b.sandbox.exchange.reply('RCPT', '550 5.1.1 canary-words: canary-recipient@example.com is not here');
  await expect(b.send()).rejects.toThrow(/canary-words/);
  const span = b.span('smtp send');
  expect(span?.status).toEqual({ code: 2 });
  expect(span?.attributes).toMatchObject({
    'error.type': 'ERR_SMTP_RECIPIENTS_REFUSED',
    'mailgrant.stage': 'RCPT',
    'mailgrant.reply.code': 550,
    'mailgrant.reply.status': '5.1.1',
    'mailgrant.may_have_been_sent': false,
  });
  expect(span?.events).toEqual([]);
});

test('with recordErrors the message of an error is recorded, too', async () => {
  await using b = await bench({ recordErrors: true });
  b.sandbox.exchange.reply('RCPT', '550 5.1.1 canary-words');
  await expect(b.send()).rejects.toThrow(/canary-words/);
  const span = b.span('smtp send');
  expect(span?.status.message).toContain('canary-words');
  expect(span?.events).toEqual([
    expect.objectContaining({
      name: 'exception',
      attributes: expect.objectContaining({ 'exception.message': expect.stringContaining('canary-words') }),
    }),
  ]);
});

test('a token that cannot be had fails the token and the send, with the status of the endpoint', async () => {
  await using b = await bench();
  b.sandbox.entra.next({ status: 400, body: { error: 'invalid_client', error_description: 'canary-words' } });
  await expect(b.send()).rejects.toMatchObject({ code: 'ERR_OAUTH_REFUSED' });
  for (const name of ['oauth token', 'smtp send']) {
    expect(b.span(name)?.attributes, name).toMatchObject({
      'error.type': 'ERR_OAUTH_REFUSED',
      'http.response.status_code': 400,
    });
  }
});

test('metrics count recipients and token events, and time every operation in seconds', async () => {
  await using b = await bench();
  await b.send();
  await b.send();
  b.sandbox.exchange.reply('RCPT', '450 4.2.1 later');
  await expect(b.send()).rejects.toThrow('later');
  const metrics = await b.metrics();
  const of = (name: string) => metrics.find((metric) => metric.name === name)?.points ?? [];
  const shared = { 'server.address': 'localhost', 'server.port': b.sandbox.smtp.port, 'network.protocol.name': 'smtp' };
  const server = { ...shared, 'mailgrant.provider': 'microsoft365' };
  const failed = { ...server, 'error.type': 'ERR_SMTP_RECIPIENTS_REFUSED' };
  expect(of('mailgrant.recipients')).toEqual([
    { attributes: { ...server, 'mailgrant.recipient.answer': 'accepted' }, value: 2 },
    { attributes: { ...failed, 'mailgrant.recipient.answer': 'deferred' }, value: 1 },
  ]);
  expect(of('mailgrant.token.events')).toEqual([
    { attributes: { 'mailgrant.provider': 'microsoft365', 'mailgrant.token.event': 'renewed' }, value: 1 },
  ]);
  expect(of('mailgrant.send.duration').map(({ attributes }) => attributes)).toEqual([server, failed]);
  for (const name of ['connect', 'authenticate', 'token']) {
    const [point] = of(`mailgrant.${name}.duration`);
    const seconds = expect.toSatisfy((max: number) => max > 0 && max < 20, `${name} is in seconds`);
    expect(point).toMatchObject({ attributes: server, value: { count: 1, max: seconds } });
  }
  expect(of('mailgrant.send.queue.duration')).toMatchObject([{ value: { count: 2 } }]);
});

test('no address, no subject, no token and no secret is in any span or metric', async () => {
  await using b = await bench();
  await b.send();
  b.sandbox.exchange.reply('MAIL', '550 5.7.60 canary-recipient@example.com');
  await expect(b.send()).rejects.toThrow('5.7.60');
  const shown = JSON.stringify([
    ...b.spans().map(({ name, attributes, events, status, links }) => [name, attributes, events, status, links]),
    await b.metrics(),
  ]);
  expect(shown).not.toMatch(/canary|noreply|contoso|eyJ/);
  expect(shown).not.toContain(b.sandbox.clientSecret);
  expect(shown).not.toContain(b.sandbox.clientId);
});

test('the function it returns ends it: nothing is subscribed any more', async () => {
  await using b = await bench();
  b.stop();
  const channels = ALL.flatMap((name) => Object.values(tracingChannelsOf(name)));
  expect(channels.filter((channel) => channel.hasSubscribers)).toEqual([]);
  await b.send();
  expect(b.spans()).toEqual([]);
});

test('a send that began before does not confuse it', async () => {
  await using b = await bench();
  b.stop();
  const sent = b.send();
  const stop = observe({ tracer: b.tracer });
  await sent;
  stop();
  expect(names(b.spans()).filter((name) => name === 'smtp send')).toEqual([]);
});

test('a tracer that throws fails no send', async () => {
  const broken = (): never => {
    throw new Error('broken tracer');
  };
  const tracer: TracerShape = { startSpan: broken, startActiveSpan: broken };
  await using b = await bench({ tracer });
  await expect(b.send()).resolves.toMatchObject({ refused: [] });
});

test('without a span around them, sends are traces of their own', async () => {
  await using b = await bench();
  expect(api.getActiveSpan()).toBeUndefined();
  await b.send();
  expect(b.span('smtp send')?.parentSpanContext).toBeUndefined();
});

function tracingChannelsOf(name: string) {
  const { start, end, asyncStart, asyncEnd, error } = tracingChannel(`mailgrant:${name}`);
  return { start, end, asyncStart, asyncEnd, error };
}
