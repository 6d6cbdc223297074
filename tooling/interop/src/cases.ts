// What every server is asked to do.
import assert from 'node:assert/strict';
import { AuthenticationError, type Mailer } from '@mailgrant/core';
import { type Bench, type MailerWishes, saying } from './bench.ts';
import type { SampleName } from './samples.ts';
import { REFUSED } from './server.ts';

export interface Case {
  readonly name: string;
  /** Throws when it went wrong, NotOffered where the server cannot; may return a remark. */
  run(bench: Bench): Promise<string | undefined>;
}

const many = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** A case with a mailer of its own, which is closed in the end. */
function withMailer(
  name: string,
  wishes: (bench: Bench) => MailerWishes,
  run: (bench: Bench, mailer: Mailer) => Promise<string | undefined>,
): Case {
  return {
    name,
    async run(bench) {
      const mailer = bench.mailer(wishes(bench));
      try {
        return await run(bench, mailer);
      } finally {
        await mailer.close({ deadline: 1_000 });
      }
    },
  };
}

const arrives = (name: string, message: SampleName, wishes: MailerWishes = {}, streamed = false): Case =>
  withMailer(
    name,
    () => wishes,
    async (bench, mailer) => {
      const { roundTrips } = await bench.send(mailer, message, { streamed });
      return `${roundTrips} round trip${roundTrips === 1 ? '' : 's'}`;
    },
  );

const queued = (name: string, wishes: MailerWishes, grouped: number): Case =>
  withMailer(
    name,
    () => ({ wire: 'grouped', ...wishes }),
    async (bench, mailer) => {
      await bench.open(mailer);
      await bench.send(mailer, 'text'); // grouping begins after the first success
      const said = await saying(() => Promise.all(many(10).map(() => bench.send(mailer, 'dots'))));
      const besides = said.filter((line) => /^C: (?!MAIL FROM|RCPT TO|DATA)/.test(line));
      assert.deepEqual(besides, [], 'said besides MAIL, RCPT and DATA');
      const behind = said.filter((line, i) => line.startsWith('C: MAIL') && said[i - 1] === '… message').length;
      assert.equal(behind, grouped, 'envelopes that travelled behind a message');
      return undefined;
    },
  );

const login = (name: string, wishes: (bench: Bench) => MailerWishes, inline: boolean): Case =>
  withMailer(name, wishes, async (bench, mailer) => {
    const facts = await bench.open(mailer);
    assert.equal(facts.inlineAuth, inline, 'whether the token went with the AUTH command');
    await bench.send(mailer, 'text');
    return inline ? 'one step' : 'two steps';
  });

const WIRE = {
  'lock-step': [],
  envelope: [],
  data: [],
  grouped: [],
  chunked: ['CHUNKING'],
  'one-flight': ['CHUNKING'],
} as const;

/** The same messages at each level of the wire ladder; the third message shows what one costs on a warm connection. */
const levels = (Object.keys(WIRE) as (keyof typeof WIRE)[]).map((wire) =>
  withMailer(
    `wire: ${wire}`,
    () => ({ wire }),
    async (bench, mailer) => {
      await bench.open(mailer, ...WIRE[wire]);
      await bench.send(mailer, 'text'); // what is beyond `data` begins after the first success
      const said = await saying(async () => {
        await bench.send(mailer, 'dots');
        await bench.send(mailer, 'eightBit');
        await bench.send(mailer, 'attachment', { streamed: true });
      });
      const { roundTrips } = await bench.send(mailer, 'text');
      const data = said.filter((line) => line === 'C: DATA').length;
      assert.equal(data, WIRE[wire].length > 0 ? 0 : 3, 'messages sent with DATA: the level was left');
      return `${roundTrips} round trip${roundTrips === 1 ? '' : 's'}`;
    },
  ),
);

export const CASES: readonly Case[] = [
  arrives('text, STARTTLS', 'text'),
  arrives('text, implicit TLS', 'text', { tls: 'implicit' }),
  arrives('lines that begin with dots', 'dots'),
  arrives('lone CR and LF, no last line end', 'lineEnds'),
  arrives('8-bit text', 'eightBit'),
  arrives('1 MB attachment, streamed', 'attachment', {}, true),
  arrives('1 MB attachment, implicit TLS', 'attachment', { tls: 'implicit' }),
  withMailer(
    'several recipients, one refused',
    () => ({}),
    async (bench, mailer) => {
      const good = many(4).map((i) => `recipient${i}@example.org`);
      const to = [...good.slice(0, 2), `${REFUSED}@example.org`, ...good.slice(2)];
      const receipt = await bench.send(mailer, 'text', { to, arrivesFor: good });
      assert.deepEqual(
        receipt.accepted.map(({ address }) => address),
        good,
      );
      assert.deepEqual(
        receipt.refused.map(({ address }) => address),
        [`${REFUSED}@example.org`],
      );
      assert.equal(receipt.refused[0]?.reply.code, 550);
      return `550 ${receipt.refused[0]?.reply.status ?? ''}`;
    },
  ),
  withMailer(
    'nobody but the refused',
    () => ({}),
    async (bench, mailer) => {
      const refused = bench.send(mailer, 'text', { to: [`${REFUSED}@example.org`], arrivesFor: [] });
      await assert.rejects(refused, { code: 'ERR_SMTP_RECIPIENTS_REFUSED', mayHaveBeenSent: false });
      await bench.send(mailer, 'text'); // the connection is as good as before
      return undefined;
    },
  ),
  queued('ten queued on one connection', {}, 9),
  queued('ten queued, one after the other', { wire: 'data' }, 0),
  login('short token', ({ accounts }) => ({ token: accounts.short }), true),
  login('long token', ({ accounts }) => ({ token: accounts.long }), false),
  withMailer(
    'wrong token',
    ({ accounts }) => ({ token: accounts.wrong }),
    async (bench, mailer) => {
      const error = await bench.send(mailer, 'text', { arrivesFor: [] }).then(
        () => assert.fail('the message was sent'),
        (reason: unknown) => reason,
      );
      if (!(error instanceof AuthenticationError)) throw error;
      assert.equal(error.reply.code, 535);
      return error.challenge === undefined ? '535' : 'challenge, 535';
    },
  ),
  withMailer(
    'OAUTHBEARER',
    () => ({ mechanism: 'OAUTHBEARER' }),
    async (bench, mailer) => {
      await bench.offers('OAUTHBEARER');
      await bench.send(mailer, 'text');
      return undefined;
    },
  ),
  withMailer(
    'an address that needs SMTPUTF8',
    () => ({}),
    async (bench, mailer) => {
      await bench.open(mailer, 'SMTPUTF8', '8BITMIME');
      await bench.send(mailer, 'eightBit', { to: ['jürgen@example.org'] });
      return undefined;
    },
  ),
  withMailer(
    'delivery notifications (DSN)',
    () => ({}),
    async (bench, mailer) => {
      await bench.open(mailer, 'DSN');
      const wishes = { notify: 'never', return: 'headers', envelopeId: 'a name + a blank = this' };
      await bench.send(mailer, 'text', { envelope: wishes });
      return undefined;
    },
  ),
  ...levels,
];
