// The child process in which all servers of a scenario run, away from the clients that are measured.
import type { Certificate } from '../certificate.ts';
import { serve } from '../remote.ts';
import { type DelayProxy, startDelayProxy, type DelayProxyOptions } from './delay-proxy.ts';
import type { SinkCounts } from './sink-session.ts';
import { type Sink, type SinkOptions, startSink } from './sink.ts';
import { type TokenEndpoint, startTokenEndpoint } from './token-endpoint.ts';

const sinks = new Map<number, Sink>();
const proxies = new Map<number, DelayProxy>();
const tokenEndpoints = new Map<number, TokenEndpoint>();

/** Each start returns a port, which then names what was started. */
const procedures = {
  async startSink(options: SinkOptions): Promise<number> {
    const sink = await startSink(options);
    sinks.set(sink.port, sink);
    return sink.port;
  },
  async startDelayProxy(options: DelayProxyOptions): Promise<number> {
    const proxy = await startDelayProxy(options);
    proxies.set(proxy.port, proxy);
    return proxy.port;
  },
  async startTokenEndpoint(certificate: Certificate): Promise<number> {
    const endpoint = await startTokenEndpoint(certificate);
    tokenEndpoints.set(endpoint.port, endpoint);
    return endpoint.port;
  },
  sinkCounts: async (port: number): Promise<SinkCounts> => found(sinks, port).counts,
  roundTrips: async (port: number): Promise<number> => found(proxies, port).roundTrips(),
  tokenRequests: async (port: number): Promise<number> => found(tokenEndpoints, port).requests,
};

export type ServerProcedures = typeof procedures;

function found<T>(started: ReadonlyMap<number, T>, port: number): T {
  const server = started.get(port);
  if (server === undefined) throw new Error(`nothing was started on port ${port}`);
  return server;
}

serve(procedures);
