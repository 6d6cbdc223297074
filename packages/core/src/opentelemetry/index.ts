// `@mailgrant/core/opentelemetry`: spans and metrics for those who run OpenTelemetry.
export { observe, type ObserveOptions } from './observe.ts';
export type {
  Attributes,
  CounterShape,
  HistogramShape,
  InstrumentOptionsShape,
  MeterShape,
  SpanOptionsShape,
  SpanShape,
  TracerShape,
} from './api-shapes.ts';
