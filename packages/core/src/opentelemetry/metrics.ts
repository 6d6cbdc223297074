// The metrics of observe(): made once, fed by what the tracing channels say.
import { ReplyError } from '../errors.ts';
import type { RecipientResult } from '../receipt.ts';
import type { Attributes, HistogramShape, MeterShape } from './api-shapes.ts';
import type { SendContext } from '../tracing.ts';

export type Operation = 'send' | 'connect' | 'authenticate' | 'token';

export interface Metrics {
  /** `duration` in milliseconds. */
  took(operation: Operation, duration: number, attributes: Attributes): void;
  sent(result: NonNullable<SendContext['result']>, attributes: Attributes): void;
  notSent(error: unknown, attributes: Attributes): void;
  tokenEvent(type: string, attributes: Attributes): void;
}

/** Seconds. A message may wait minutes for its turn under a provider's limits. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

export function createMetrics(meter: MeterShape): Metrics {
  const seconds = (name: string, description: string): HistogramShape =>
    meter.createHistogram(name, { description, unit: 's', advice: { explicitBucketBoundaries: [...BUCKETS] } });
  const durations = {
    send: seconds('mailgrant.send.duration', 'From send() to its receipt or error.'),
    connect: seconds('mailgrant.connect.duration', 'From the name look-up to the last EHLO, TLS included.'),
    authenticate: seconds('mailgrant.authenticate.duration', 'One AUTH exchange.'),
    token: seconds('mailgrant.token.duration', 'Getting an access token for a connection, from the cache or not.'),
  };
  const queue = seconds('mailgrant.send.queue.duration', 'Waiting for a connection, or for a turn on one.');
  const recipients = meter.createCounter('mailgrant.recipients', {
    description: 'Recipients by what the server answered for them.',
    unit: '{recipient}',
  });
  const tokenEvents = meter.createCounter('mailgrant.token.events', {
    description: 'Renewals and refusals of access tokens, and failures to renew them.',
    unit: '{event}',
  });
  const count = (answer: 'accepted' | 'deferred' | 'refused', number: number, attributes: Attributes): void => {
    if (number > 0) recipients.add(number, { ...attributes, 'mailgrant.recipient.answer': answer });
  };
  return {
    took(operation, duration, attributes) {
      durations[operation].record(duration / 1000, attributes);
    },
    sent(result, attributes) {
      queue.record(result.queue / 1000, attributes);
      count('accepted', result.accepted, attributes);
      count('deferred', result.deferred, attributes);
      count('refused', result.refused, attributes);
    },
    notSent(error, attributes) {
      if (!(error instanceof ReplyError)) return;
      const later = ({ reply }: RecipientResult): boolean => reply.code < 500;
      count('deferred', error.recipients.filter(later).length, attributes);
      count('refused', error.recipients.filter((each) => !later(each)).length, attributes);
    },
    tokenEvent(type, attributes) {
      tokenEvents.add(1, { ...attributes, 'mailgrant.token.event': type });
    },
  };
}
