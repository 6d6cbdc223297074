import type { Scenario } from '../scenario.ts';
import { attachment } from './attachment.ts';
import { coldStart } from './cold-start.ts';
import { importing } from './import.ts';
import { queue } from './queue.ts';
import { roundTrips } from './round-trips.ts';
import { composed, throughput } from './throughput.ts';
import { tokens } from './tokens.ts';

export const SCENARIOS: readonly Scenario[] = [
  roundTrips,
  coldStart,
  throughput,
  composed,
  attachment,
  tokens,
  queue,
  importing,
];
