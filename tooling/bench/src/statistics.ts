/** The middle of the values; of an even number of them the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  if (upper === undefined) throw new Error('no values');
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** How the first compare with the second: the median over runs that stood side by side, each as busy as its neighbour. */
export function ratio(values: readonly number[], to: readonly number[]): number {
  return median(values.map((value, i) => value / (to[i] ?? NaN)));
}

/** Runs every case in turn, and that several times (A B A B …), so that what else the machine does hits all alike. */
export async function alternated<C, R>(
  cases: readonly C[],
  times: number,
  run: (each: C) => Promise<R>,
): Promise<Map<C, R[]>> {
  const results = new Map<C, R[]>(cases.map((each) => [each, []]));
  for (let i = 0; i < times; i += 1) {
    for (const each of cases) results.get(each)?.push(await run(each));
  }
  return results;
}
