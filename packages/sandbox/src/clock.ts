// The sandbox's clock: the caller's, moved on by hand.
import { ApiError, type Route } from './api.ts';
import { sendJson } from './http.ts';

export class Clock {
  readonly #base: () => number;
  #ahead = 0;

  /** `base`: epoch milliseconds. */
  constructor(base: () => number) {
    this.#base = base;
  }

  readonly now = (): number => this.#base() + this.#ahead;

  /** @throws TypeError for what is no time to come */
  readonly advance = (milliseconds: number): void => {
    if (!(Number.isFinite(milliseconds) && milliseconds >= 0)) {
      throw new TypeError(`advance(): expected milliseconds, got ${String(milliseconds)}`);
    }
    this.#ahead += milliseconds;
  };
}

export const CLOCK_ROUTES: readonly Route<{ readonly clock: Clock }>[] = [
  ['GET', /^\/api\/clock$/, ({ source, response }) => sendJson(response, 200, shown(source.clock))],
  [
    'POST',
    /^\/api\/clock$/,
    ({ source, response, body }) => {
      const { advance } = body;
      if (typeof advance !== 'number' || advance < 0) throw new ApiError(400, 'advance: expected milliseconds');
      source.clock.advance(advance);
      sendJson(response, 200, shown(source.clock));
    },
  ],
];

const shown = (clock: Clock): object => ({ now: new Date(clock.now()).toISOString() });
