// npm run worker-figures: what the worker does in numbers, on this machine, against the sandbox.
import { parseArgs } from 'node:util';
import { accuracy } from './accuracy.ts';
import { enqueueing } from './enqueueing.ts';
import { idling } from './idling.ts';
import { pacing } from './pacing.ts';
import { openPlace, type Place } from './place.ts';
import { rate } from './rate.ts';

const FIGURES: Readonly<Record<string, (place: Place) => Promise<void>>> = {
  accuracy,
  enqueueing,
  idling,
  pacing,
  rate,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { store: { type: 'string', default: 'postgres' } },
});
const { store } = values;
if (store !== 'postgres' && store !== 'embedded') throw new TypeError('--store postgres or embedded');
for (const name of positionals.length > 0 ? positionals : Object.keys(FIGURES)) {
  const figure = FIGURES[name];
  if (figure === undefined) throw new TypeError(`one of ${Object.keys(FIGURES).join(', ')}`);
  await using place = await openPlace(store);
  await figure(place);
}
