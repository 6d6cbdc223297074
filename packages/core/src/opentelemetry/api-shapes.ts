// The few shapes of @opentelemetry/api that observe() works with. Whatever has them will do; nothing is imported.

export type Attributes = Record<string, string | number | boolean>;

/** Of the API's `Span`. */
export interface SpanShape {
  setAttributes(attributes: Attributes): unknown;
  setStatus(status: { code: number; message?: string }): unknown;
  recordException(exception: Error | string): unknown;
  end(): unknown;
}

export interface SpanOptionsShape {
  kind: number;
  attributes: Attributes;
  root?: boolean;
}

/** Of the API's `Tracer`. */
export interface TracerShape {
  startSpan(name: string, options: SpanOptionsShape): SpanShape;
  startActiveSpan(name: string, options: SpanOptionsShape, run: (span: SpanShape) => unknown): unknown;
}

export interface InstrumentOptionsShape {
  description: string;
  unit: string;
  advice?: { explicitBucketBoundaries: number[] };
}

/** Of the API's `Histogram`. */
export interface HistogramShape {
  record(value: number, attributes: Attributes): unknown;
}

/** Of the API's `Counter`. */
export interface CounterShape {
  add(value: number, attributes: Attributes): unknown;
}

/** Of the API's `Meter`. */
export interface MeterShape {
  createHistogram(name: string, options: InstrumentOptionsShape): HistogramShape;
  createCounter(name: string, options: InstrumentOptionsShape): CounterShape;
}
