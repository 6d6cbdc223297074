// Counters and histograms in Prometheus's text format, version 0.0.4. Eighty lines; docs/decisions/0016 says why not a library.

type Labels = Readonly<Record<string, string>>;

interface Counter {
  add(labels?: Labels, by?: number): void;
}

interface Histogram {
  observe(value: number, labels?: Labels): void;
}

/** A value that is asked for when somebody looks. */
export type Sample = readonly [value: number, labels?: Labels];

export interface Metrics {
  counter(name: string, help: string): Counter;
  /** @param buckets upper bounds, ascending, without the last one, +Inf */
  histogram(name: string, help: string, buckets: readonly number[]): Histogram;
  /** Several at once, so that one query can feed them. */
  gauges(
    names: Readonly<Record<string, string>>,
    read: () => Promise<Readonly<Record<string, readonly Sample[]>>>,
  ): void;
  /** @throws what a gauge's `read` throws */
  text(): Promise<string>;
}

export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export function createMetrics(): Metrics {
  const collectors: (() => Promise<string>)[] = [];
  const collect = (name: string, help: string, type: string, lines: () => readonly string[]): string => {
    const body = lines();
    return body.length === 0 ? '' : `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${body.join('\n')}\n`;
  };
  return {
    counter(name, help) {
      const values = new Map<string, number>();
      collectors.push(async () =>
        collect(name, help, 'counter', () => [...values].map(([labels, value]) => `${name}${labels} ${value}`)),
      );
      return {
        add(labels = {}, by = 1) {
          const key = labelText(labels);
          values.set(key, (values.get(key) ?? 0) + by);
        },
      };
    },
    histogram(name, help, buckets) {
      const values = new Map<
        string,
        { readonly labels: Labels; readonly counts: number[]; sum: number; count: number }
      >();
      collectors.push(async () =>
        collect(name, help, 'histogram', () =>
          [...values.values()].flatMap(({ labels, counts, sum, count }) => [
            ...buckets.map((le, at) => `${name}_bucket${labelText({ ...labels, le: String(le) })} ${counts[at] ?? 0}`),
            `${name}_bucket${labelText({ ...labels, le: '+Inf' })} ${count}`,
            `${name}_sum${labelText(labels)} ${sum}`,
            `${name}_count${labelText(labels)} ${count}`,
          ]),
        ),
      );
      return {
        observe(value, labels = {}) {
          const key = labelText(labels);
          const known = values.get(key) ?? { labels, counts: buckets.map(() => 0), sum: 0, count: 0 };
          values.set(key, known);
          for (const [at, le] of buckets.entries()) if (value <= le) known.counts[at] = (known.counts[at] ?? 0) + 1;
          known.sum += value;
          known.count += 1;
        },
      };
    },
    gauges(names, read) {
      collectors.push(async () => {
        const samples = await read();
        return Object.entries(names)
          .map(([name, help]) =>
            collect(name, help, 'gauge', () =>
              (samples[name] ?? []).map(([value, labels = {}]) => `${name}${labelText(labels)} ${value}`),
            ),
          )
          .join('');
      });
    },
    text: async () => (await Promise.all(collectors.map((each) => each()))).join(''),
  };
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

const escaped = (value: string): string =>
  value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
