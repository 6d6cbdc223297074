import { expect, test } from 'vitest';
import { PROPERTIES } from './index.ts';

test.for(PROPERTIES)('property: $title', async ({ name, runs, round }) => {
  const { failure } = await round({ runs, time: 400 });
  const again = failure && `npm run fuzz -- --only ${name} --seed=${failure.seed} --path ${failure.path}`;
  expect(failure && `${failure.message}\n${failure.report}\n${again}`).toBeUndefined();
});
