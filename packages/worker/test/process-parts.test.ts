// The parts of the process that need no store: tables, metrics, probes, logs.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { InputError, Secret } from '@mailgrant/core';
import { describe, expect, test } from 'vitest';
import { runWorkerCommand } from '../src/process/command-line.ts';
import { listenForProbes, type Probes, watchLoop } from '../src/process/http.ts';
import { watched } from '../src/process/commands/run.ts';
import { createLogger } from '../src/process/logger.ts';
import { createMetrics } from '../src/process/metrics.ts';
import { sentenceOf } from '../src/process/sentence.ts';
import { durationText, fields, relativeText, table, timeText } from '../src/process/table.ts';
import { createWatch, watchOutbox } from '../src/process/watch.ts';

describe('a table', () => {
  const columns = [
    { title: 'id', value: ({ id }: { id: string }) => id },
    { title: 'size', value: ({ size }: { size?: number }) => size, align: 'right' as const },
    { title: 'subject', value: ({ subject }: { subject: string }) => subject, most: 12 },
  ];

  test('lines up, and ends its lines where the text ends', () => {
    const rows = [
      { id: 'a', size: 7, subject: 'Grüße' },
      { id: 'bcd', size: 12_345, subject: 'Numbers of the week' },
      { id: 'e', subject: '' },
    ];
    expect(table<(typeof rows)[0]>(rows, columns as never)).toBe(
      ['ID    SIZE  SUBJECT', 'a        7  Grüße', 'bcd  12345  Numbers of …', 'e', ''].join('\n'),
    );
  });

  test('lets nothing through that would move the cursor or turn the text', () => {
    const rows = [{ id: '\u001B[2Ja\r\nb', size: 1, subject: 'x\u202Ey\u0007' }];
    expect(table(rows, columns)).toBe('ID      SIZE  SUBJECT\n[2Ja b     1  x y\n');
  });

  test('fields stand below each other, empty ones are left out', () => {
    expect(
      fields([
        ['id', 'a'],
        ['subject', 'Hello\nworld'],
        ['error', undefined],
      ]),
    ).toBe('id       a\nsubject  Hello world\n');
  });

  test.each([
    [0, '0 s'],
    [59_999, '59 s'],
    [61_000, '1 min 1 s'],
    [3_600_000, '1 h'],
    [90_061_000, '1 d 1 h'],
    [86_401_000, '1 d'],
    [-5, '0 s'],
  ])('%d ms is %s', (milliseconds, text) => {
    expect(durationText(milliseconds)).toBe(text);
  });

  test('times', () => {
    expect(timeText(Date.UTC(2026, 10, 20, 22, 31, 5, 999))).toBe('2026-11-20 22:31:05Z');
    expect(timeText(undefined)).toBe('');
    expect(relativeText(5000, 1000)).toBe('in 4 s');
    expect(relativeText(1000, 5000)).toBe('4 s ago');
  });
});

describe('metrics', () => {
  test('are in the text format of Prometheus', async () => {
    const metrics = createMetrics();
    const sent = metrics.counter('mailgrant_sent_total', 'Mails taken by the server.');
    const lag = metrics.histogram('mailgrant_lag_seconds', 'From due to accepted.', [0.1, 1]);
    metrics.gauges({ mailgrant_mails: 'Mails by state.', mailgrant_none: 'Nothing.' }, async () => ({
      mailgrant_mails: [
        [3, { state: 'dead', mailbox: 'a"b\\c\n' }],
        [0, { state: 'sending', mailbox: 'x' }],
      ],
    }));
    sent.add({ mailbox: 'noreply' });
    sent.add({ mailbox: 'noreply' }, 2);
    sent.add();
    for (const seconds of [0.05, 0.1, 0.5, 7]) lag.observe(seconds, { mailbox: 'noreply' });
    expect(await metrics.text()).toBe(`# HELP mailgrant_sent_total Mails taken by the server.
# TYPE mailgrant_sent_total counter
mailgrant_sent_total{mailbox="noreply"} 3
mailgrant_sent_total 1
# HELP mailgrant_lag_seconds From due to accepted.
# TYPE mailgrant_lag_seconds histogram
mailgrant_lag_seconds_bucket{mailbox="noreply",le="0.1"} 2
mailgrant_lag_seconds_bucket{mailbox="noreply",le="1"} 3
mailgrant_lag_seconds_bucket{mailbox="noreply",le="+Inf"} 4
mailgrant_lag_seconds_sum{mailbox="noreply"} 7.65
mailgrant_lag_seconds_count{mailbox="noreply"} 4
# HELP mailgrant_mails Mails by state.
# TYPE mailgrant_mails gauge
mailgrant_mails{state="dead",mailbox="a\\"b\\\\c\\n"} 3
mailgrant_mails{state="sending",mailbox="x"} 0
`);
  });
});

describe('the probes', () => {
  const probes = (change: Partial<Probes> = {}): Probes => ({
    age: () => 0,
    problems: async () => [],
    metrics: async () => 'm 1\n',
    ...change,
  });

  const ask = async (given: Probes, path: string, init?: RequestInit): Promise<[number, string]> => {
    const server = await listenForProbes({ port: 0 }, given);
    try {
      const response = await fetch(`${server.url}${path}`, init);
      return [response.status, await response.text()];
    } finally {
      await server.close();
    }
  };

  test('say that all is well', async () => {
    expect(await ask(probes(), '/livez')).toEqual([200, 'ok\n']);
    expect(await ask(probes(), '/readyz?verbose')).toEqual([200, 'ok\n']);
    expect(await ask(probes(), '/metrics')).toEqual([200, 'm 1\n']);
  });

  test('say what is not', async () => {
    expect(await ask(probes({ age: () => 45_000 }), '/livez')).toEqual([503, 'stuck for 45000 ms\n']);
    expect(await ask(probes({ problems: async () => ['the store does not answer'] }), '/readyz')).toEqual([
      503,
      'the store does not answer\n',
    ]);
    const failing = async () => Promise.reject(new Error('the store does not answer'));
    expect(await ask(probes({ metrics: failing }), '/metrics')).toEqual([503, 'the store does not answer\n']);
    expect((await ask(probes(), '/'))[0]).toBe(404);
    expect((await ask(probes(), '/livez', { method: 'POST' }))[0]).toBe(405);
  });

  test('refuse a port that is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    await expect(listenForProbes({ port }, probes())).rejects.toThrow(
      expect.objectContaining({
        code: 'ERR_WORKER_PORT',
        message: expect.stringMatching(
          /^Port \d+ on 127\.0\.0\.1 cannot be had \(.*EADDRINUSE.*\)\. Give another/,
        ) as string,
      }),
    );
    taken.close();
  });

  test('know how long the loop has stood still', () => {
    let now = 0;
    const loop = watchLoop(() => now);
    now = 1234;
    expect(loop.age()).toBe(1234);
    loop.stop();
  });
});

describe('the log', () => {
  function logging(options: Parameters<typeof createLogger>[0] = {}) {
    const lines: string[] = [];
    return { lines, log: createLogger(options, { write: (line) => lines.push(line) }) };
  }
  const last = (lines: string[]): unknown => JSON.parse(lines.at(-1) ?? '');

  test('has one JSON object a line, and no addresses', () => {
    const { lines, log } = logging();
    log.info({ mailbox: 'noreply', reply: ['550 5.1.10 <ada@example.org> unknown'] }, 'refused for ada@example.org');
    expect(last(lines)).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      mailbox: 'noreply',
      reply: ['550 5.1.10 <[address]> unknown'],
      msg: 'refused for [address]',
    });
    expect(lines.at(-1)).toMatch(/^\{.*\}\n$/);
  });

  test('keeps the ids of mails, which look like addresses', () => {
    const { lines, log } = logging();
    const ids = { messageId: '<1@contoso.com>', queueId: 'AM8@eurprd.outlook.com' };
    log.info({ ...ids, idempotencyKey: 'digest|2026-11-20T09:00:00.000Z|ada@example.org' }, 'x');
    expect(last(lines)).toMatchObject({ ...ids, idempotencyKey: 'digest|2026-11-20T09:00:00.000Z|[address]' });
  });

  test('has addresses for whoever asks for them', () => {
    const { lines, log } = logging({ addresses: true });
    log.info({ to: 'ada@example.org' }, 'to ada@example.org');
    expect(last(lines)).toMatchObject({ to: 'ada@example.org', msg: 'to ada@example.org' });
  });

  test('tells of errors what can be told', () => {
    const { lines, log } = logging();
    const cause = Object.assign(new Error('connect ECONNREFUSED'), {
      code: 'ECONNREFUSED',
      envelope: { to: ['ada@example.org'] },
    });
    log.error({ error: new InputError('ERR_INPUT_ADDRESS', 'to: "Ada <ada@example.org>" is none') }, 'run failed');
    expect(last(lines)).toMatchObject({
      error: { type: 'TypeError', code: 'ERR_INPUT_ADDRESS', message: 'to: "Ada <[address]>" is none' },
    });
    log.error({ error: new Error('no', { cause }) }, 'x');
    expect(lines.at(-1)).toContain('ECONNREFUSED');
    expect(lines.join('')).not.toContain('ada@');
  });

  test('prints no secret', () => {
    const { lines, log } = logging();
    log.info({ secret: new Secret('canary'), nested: { secret: new Secret('canary') } }, 'x');
    expect(lines.join('')).toContain('[redacted]');
    expect(lines.join('')).not.toContain('canary');
  });

  test('leaves out what is below its level', () => {
    const { lines, log } = logging({ level: 'warn' });
    log.info('x');
    expect(lines).toEqual([]);
  });
});

test('a listener of the configuration that rejects is a problem of the worker, not the end of the process', async () => {
  const watch = createWatch(createLogger({ level: 'silent' }), createMetrics(), () => 0);
  const fail = (): Promise<never> => Promise.reject(new Error('a listener’s mistake'));
  const listeners = { onEvent: fail, onScheduleEvent: fail, onProblem: fail } as object;
  const { onEvent, onScheduleEvent } = watched({ ...listeners } as never, {} as never, watch);
  const recovered = { type: 'mailbox.recovered', mailbox: 'm', id: '1', at: 0 } as const;
  await expect(onEvent?.(recovered)).rejects.toThrow('mistake');
  await expect(onScheduleEvent?.({ type: 'run-lost', scheduleId: 's', occurrence: 0 })).rejects.toThrow('mistake');
});

describe('what a command says of an error', () => {
  test.each([
    [new TypeError('cron: no'), 'cron: no'],
    ['text', 'text'],
    [new RangeError(), 'RangeError'],
    [
      Object.assign(new AggregateError([new Error('connect ECONNREFUSED ::1:5432')]), { code: 'ECONNREFUSED' }),
      "The database does not answer (connect ECONNREFUSED ::1:5432). Does it run where the store's url says?",
    ],
    [
      Object.assign(new Error('database "none" does not exist'), { code: '3D000' }),
      'The database is not there (database "none" does not exist). Create it, or look at the store\'s url.',
    ],
    [Object.assign(new Error('odd'), { code: 'toString' }), 'odd'],
  ])('%s', (error, sentence) => {
    expect(sentenceOf(error)).toBe(sentence);
  });
});

describe('docs/worker-process.md', () => {
  const page = readFileSync(new URL('../../../docs/worker-process.md', import.meta.url), 'utf8');

  test('names every metric, and no other', async () => {
    const metrics = createMetrics();
    const watch = createWatch(createLogger({ level: 'silent' }), metrics, () => 0);
    const counts = Object.fromEntries(['accepted', 'dead'].map((state) => [state, 0]));
    const stats = {
      mailbox: 'm',
      counts,
      oldestDue: 0,
      paused: false,
      blocked: undefined,
      slots: 0,
      recipientsToday: 0,
    };
    watchOutbox(metrics, { stats: async () => [stats as never] }, () => 0);
    watch.onEvent({ type: 'mailbox.recovered', mailbox: 'm', id: '1', at: 0 });
    watch.onEvent({ type: 'mail.accepted', mailbox: 'm', id: '2', at: 1500, sendAt: 1000 } as never);
    watch.onScheduleEvent({ type: 'run-started', scheduleId: 's', occurrence: 0 });
    watch.onProblem(new Error('x'));
    const text = await metrics.text();
    expect(text).toContain('mailgrant_mail_lag_seconds_bucket{mailbox="m",le="0.5"} 1\n');
    const printed = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name);
    const named = new Set([...page.matchAll(/`((?:mailgrant|process)_\w+)/g)].map(([, name = '']) => name));
    expect([...named].sort()).toEqual(printed.sort());
  });

  test('names every command', async () => {
    let help = '';
    const io = {
      stdout: (text: string) => (help += text),
      stderr: () => {},
      cwd: '.',
      onSignal: () => () => {},
      leave: () => {},
    };
    await runWorkerCommand(['--help'], io);
    const commands = [...help.matchAll(/^ {2}([a-z][a-z-]*) {2,}\S/gm)].map(([, name = '']) => name);
    expect(commands.length).toBeGreaterThan(10);
    const table = /\| command[^]*?\n\n/.exec(page)?.[0] ?? '';
    for (const command of commands) expect(table).toMatch(new RegExp(`\`(?:[^\`]*, )?${command}\\b`));
  });
});
