import { expect, test } from 'vitest';
import { parseBdat, parseCommand, parsePath } from './command.ts';

test.each([
  ['quit', { verb: 'QUIT', argument: '' }],
  ['MAIL FROM:<a@b>', { verb: 'MAIL', argument: 'FROM:<a@b>' }],
  ['NOOP ', { verb: 'NOOP', argument: '' }],
  ['', undefined],
  [' QUIT', undefined],
  ['250 OK', undefined],
  ['dXNlcj1ub3JlcGx5QGNvbnRvc28uY29t', undefined],
] as const)('the command line %j', (line, expected) => {
  expect(parseCommand(Buffer.from(line))).toEqual(expected);
});

test.each([
  ['FROM:<>', '', {}],
  ['from:<a@b.c> SIZE=12 body=8BITMIME SMTPUTF8', 'a@b.c', { SIZE: '12', BODY: '8BITMIME', SMTPUTF8: undefined }],
  ['FROM:<"a b\\"<x@y>"@b.c>', '"a b\\"<x@y>"@b.c', {}],
  ['FROM:<a.b+c=d/e@xn--bcher-kva.example>', 'a.b+c=d/e@xn--bcher-kva.example', {}],
  ['FROM:<grün@bücher.example>', 'grün@bücher.example', {}],
  ['FROM:<a@[192.0.2.1]>', 'a@[192.0.2.1]', {}],
])('%j is taken apart', (argument, address, parameters) => {
  const path = parsePath(argument, 'FROM');
  expect(path).toMatchObject({ address });
  expect(typeof path === 'object' && Object.fromEntries(path.parameters)).toEqual(parameters);
});

test.each([
  ['FROM: <a@b>', 'address'],
  ['FROM:a@b', 'address'],
  ['FROM:<a>', 'address'],
  ['FROM:<a@b', 'address'],
  ['FROM:<a@b>>', 'address'],
  ['FROM:<a b@c>', 'address'],
  ['FROM:<a@b><c@d>', 'address'],
  ['FROM:<a@b,c@d>', 'address'],
  ['FROM:<@x:a@b>', 'address'],
  ['FROM:<a..b@c>', 'address'],
  ['FROM:<a@b..c>', 'address'],
  ['FROM:<a@-b>', 'address'],
  ['FROM:<a\n@b>', 'address'],
  ['FROM:<a@b\u0000>', 'address'],
  ['FROM:<a@b>SIZE=1', 'address'],
  ['FROM:<a@b> SIZE=', 'syntax'],
  ['FROM:<a@b>  SIZE=1', 'syntax'],
  ['FROM:<a@b> SIZE=1 SIZE=2', 'syntax'],
  ['FROM:<a@b> X\r\nRCPT', 'address'],
  ['TO:<a@b>', 'syntax'],
  ['', 'syntax'],
])('%j is refused', (argument, expected) => {
  expect(parsePath(argument, 'FROM')).toBe(expected);
});

test.each([
  ['0 LAST', { size: 0, last: true }],
  ['12', { size: 12, last: false }],
  ['12 last', { size: 12, last: true }],
  ['', undefined],
  ['-1', undefined],
  ['1 2', undefined],
] as const)('BDAT %j', (argument, expected) => {
  expect(parseBdat(argument)).toEqual(expected);
});
