// What a property is here: named, so that it can be run alone, a little in every test run and for hours by `npm run fuzz`.
import fc from 'fast-check';

/** What one round found. */
interface Round {
  readonly runs: number;
  readonly failure: Failure | undefined;
}

export interface Failure {
  /** Together with `path` this makes the same failure again. */
  readonly seed: number;
  readonly path: string;
  /** What the property said. */
  readonly message: string;
  /** With the counterexample. */
  readonly report: string;
}

interface RoundOptions {
  readonly runs: number;
  /** Milliseconds after which it ends early. */
  readonly time: number;
  readonly seed?: number | undefined;
  readonly path?: string | undefined;
}

export interface Property {
  /** For the command line. */
  readonly name: string;
  /** A sentence that is true. */
  readonly title: string;
  /** How often it is tried in the normal test run. */
  readonly runs: number;
  readonly round: (options: RoundOptions) => Promise<Round>;
}

export function property<Ts>(name: string, title: string, runs: number, raw: fc.IRawProperty<Ts, boolean>): Property {
  return {
    name,
    title,
    runs,
    async round({ runs: numRuns, time, seed, path }) {
      const check = (limits: { readonly numRuns: number; readonly interruptAfterTimeLimit?: number }) =>
        fc.check(raw as fc.IAsyncProperty<Ts>, {
          ...limits,
          ...(seed !== undefined && { seed }),
          ...(path !== undefined && { path, endOnFailure: true }),
        });
      // With a path there is one case to look at, however long it takes.
      const inTime = { numRuns, ...(path === undefined && { interruptAfterTimeLimit: time }) };
      let details = await check(inTime);
      // Out of time before the first try: one there is on the busiest machine, or nothing would be tried.
      if (details.numRuns === 0 && details.counterexample === null) details = await check({ numRuns: 1 });
      if (!details.failed || details.counterexample === null) return { runs: details.numRuns, failure: undefined };
      const report = (await fc.asyncDefaultReportMessage(details)) ?? 'failed without a word';
      const { seed: from, counterexamplePath, errorInstance } = details;
      return {
        runs: details.numRuns,
        failure: {
          seed: from,
          path: counterexamplePath ?? '',
          message: errorInstance instanceof Error ? errorInstance.message : String(errorInstance),
          report: report.replace(/^(.{600}).+$/gm, '$1 …'),
        },
      };
    },
  };
}

/** Milliseconds that something took. Only for what would take minutes if it were wrong. */
export function timed(run: () => unknown): number {
  const start = performance.now();
  run();
  return performance.now() - start;
}
