// The few shapes of @opentelemetry/api that observe() works with. Whatever has them will do; nothing is imported.

/** Of the API: what a span or a measurement says of itself. */
export type Attributes = Record<string, string | number | boolean>;

/** Of the API's `Span`. */
export interface SpanShape {
  /** What is known at the end. */
  setAttributes(attributes: Attributes): unknown;
  /** `ERROR`, which is 2, where it failed; else not called. */
  setStatus(status: { code: number; message?: string }): unknown;
  /** Called with `recordErrors` only. */
  recordException(exception: Error | string): unknown;
  /** Called once. */
  end(): unknown;
}

/** Of the API's `SpanOptions`. */
export interface SpanOptionsShape {
  /** A `SpanKind`; always `CLIENT`, which is 2. */
  kind: number;
  /** What is known at the start. */
  attributes: Attributes;
  /** Begins a trace of its own. */
  root?: boolean;
}

/** Of the API's `Tracer`. */
export interface TracerShape {
  /** For what was opened for a send, and what belongs to none. */
  startSpan(name: string, options: SpanOptionsShape): SpanShape;
  /** For a send, in the context it was called in. */
  startActiveSpan(name: string, options: SpanOptionsShape, run: (span: SpanShape) => unknown): unknown;
}

/** Of the API's `MetricOptions`. */
export interface InstrumentOptionsShape {
  /** What is measured. */
  description: string;
  /** By UCUM, as the API wants it. */
  unit: string;
  /** Boundaries of the buckets, in seconds. */
  advice?: { explicitBucketBoundaries: number[] };
}

/** Of the API's `Histogram`. */
export interface HistogramShape {
  /** Seconds. */
  record(value: number, attributes: Attributes): unknown;
}

/** Of the API's `Counter`. */
export interface CounterShape {
  /** How many more. */
  add(value: number, attributes: Attributes): unknown;
}

/** Of the API's `Meter`. */
export interface MeterShape {
  /** Called once for each duration. */
  createHistogram(name: string, options: InstrumentOptionsShape): HistogramShape;
  /** Called once for recipients and once for token events. */
  createCounter(name: string, options: InstrumentOptionsShape): CounterShape;
}
