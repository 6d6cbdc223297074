import { expect, test } from 'vitest';
import { PROPERTIES } from './index.ts';

test.for(PROPERTIES)('property: $title', async ({ name, runs, round }) => {
  const { failure, runs: tried } = await round({ runs, time: 400 });
  const again = failure && `npm run fuzz -- --only ${name} --seed=${failure.seed} --path ${failure.path}`;
  expect(failure && `${failure.message}\n${failure.report}\n${again}`).toBeUndefined();
  expect(tried).toBeGreaterThan(0);
});

test('a property is tried once though there is no time for it: a busy machine proves nothing by trying none', async () => {
  const [first] = PROPERTIES;
  expect(await first?.round({ runs: 100, time: 0 })).toMatchObject({ runs: 1, failure: undefined });
});
