// Addresses and envelopes on their way into MAIL and RCPT: what is accepted is one address, to everybody who reads it.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CapabilityError, InputError } from '../../src/errors.ts';
import type { Envelope } from '../../src/message.ts';
import { toContent } from '../../src/smtp/content.ts';
import { type CheckedEnvelope, checkEnvelope, envelopeCommands } from '../../src/smtp/envelope.ts';
import { type Mailbox, parseMailbox } from '../../src/smtp/mailbox.ts';
import { LINE_BREAKS, textOf } from './arbitraries.ts';
import { type Property, property, timed } from './property.ts';

const atom = textOf("aZ09!#$%&*+-/=?^_`{|}~'é中🙂İß", { minLength: 1, maxLength: 8 });
const quoted = fc
  .array(fc.constantFrom('a', ' ', '@', '.', ',', '\\"', '\\\\', '\\ ', ';', ':', '(', 'é'), {
    minLength: 1,
    maxLength: 8,
  })
  .map((parts) => `"${parts.join('')}"`);
const local = fc.oneof(
  { weight: 4, arbitrary: fc.array(atom, { minLength: 1, maxLength: 3 }).map((atoms) => atoms.join('.')) },
  quoted,
);
const label = fc.oneof(
  fc.constantFrom('example', 'xn--mnchen-3ya', 'münchen', '例え', 'a-b', '_dmarc', 'ß', 'ＥＸ', '1', 'straße', 'א'),
  textOf('abz019-_', { minLength: 1, maxLength: 10 }),
);
const domain = fc.oneof(
  { weight: 5, arbitrary: fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.')) },
  fc.constantFrom('[127.0.0.1]', '[IPv6:::1]', '[IPv6:2001:db8::1]', '[x]', 'localhost', 'a..b', 'a.', '。example'),
);
const address = fc.tuple(local, domain).map(([name, host]) => `${name}@${host}`);
const HOSTILE = [
  ...Array.from('\r\n\0\t <>@,;:"\\()[]'),
  '\r\n',
  '> SIZE=1',
  '\u2028',
  '\u0085',
  '\u200b',
  '\ufeff',
  '\ud800',
  '\u202e',
];
/** An address with something put into it. */
const spoilt = fc
  .tuple(address, fc.nat(60), fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: 'binary', maxLength: 3 })))
  .map(([text, at, what]) => text.slice(0, at) + what + text.slice(at));
const anything = fc.oneof(address, spoilt, fc.string({ unit: 'binary', maxLength: 30, size: 'max' }));

/** The checked value; `undefined` where it was refused in the proper way. */
function accepted<T>(check: () => T): T | undefined {
  try {
    return check();
  } catch (error) {
    if (error instanceof InputError || error instanceof CapabilityError) return undefined;
    throw error;
  }
}

const mailbox = (text: string): Mailbox | undefined => accepted(() => parseMailbox(text, 'to'));

/** A path as servers read it (RFC 5321 section 4.1.2): up to the first `>`, or, minding quotes, up to the first outside of them. */
function pathOf(line: string): string[] {
  const start = line.indexOf('<') + 1;
  const careless = line.slice(start, line.indexOf('>', start));
  let inQuotes = false;
  let end = start;
  for (; end < line.length && (inQuotes || line[end] !== '>'); end += 1) {
    if (inQuotes && line[end] === '\\') end += 1;
    else if (line[end] === '"') inQuotes = !inQuotes;
  }
  return [careless, line.slice(start, end)];
}

const notify = fc.constantFrom<Envelope['notify'][]>(undefined, 'never', ['success'], ['failure', 'delay']);
const recipient = fc.oneof(
  address,
  anything,
  fc.record({ address, notify, originalRecipient: fc.option(anything, { nil: undefined }) }),
);
const envelope: fc.Arbitrary<Envelope> = fc.record({
  from: fc.oneof(address, fc.constant(''), anything),
  to: fc.array(recipient, { minLength: 1, maxLength: 4 }),
  notify,
  return: fc.constantFrom(undefined, 'full', 'headers'),
  envelopeId: fc.oneof(
    fc.constant(undefined),
    fc.string({ maxLength: 20, size: 'max' }),
    fc.string({ unit: 'binary', maxLength: 9 }),
  ),
  requireTls: fc.boolean(),
});
const EXTENSIONS = ['SIZE', '8BITMIME', 'SMTPUTF8', 'DSN', 'REQUIRETLS', 'CHUNKING', 'BINARYMIME'];

/** RFC 3461 section 4, backwards. */
const fromXtext = (text: string): string =>
  text.replace(/\+([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

const PARAMETER = /^(?:[A-Z0-9][A-Z0-9-]*)(?:=[\x21-\x3c\x3e-\x7e]+)?$/;
const WANTED: Readonly<Record<string, string>> = {
  SIZE: 'SIZE',
  BODY: '8BITMIME',
  SMTPUTF8: 'SMTPUTF8',
  RET: 'DSN',
  ENVID: 'DSN',
  NOTIFY: 'DSN',
  ORCPT: 'DSN',
  REQUIRETLS: 'REQUIRETLS',
};

/** The parameters behind the path of a MAIL or RCPT line, each checked for its form and for the extension it belongs to. */
function parametersOf(behindPath: string, offered: readonly string[]): Map<string, string> {
  const [first, ...words] = behindPath.split(' ');
  assert.equal(first, '>');
  const parameters = new Map<string, string>();
  for (const word of words) {
    assert.match(word, PARAMETER);
    const [name = '', value = ''] = word.split(/=(.*)/s);
    const needs = value === 'BINARYMIME' ? 'BINARYMIME' : WANTED[name];
    assert.ok(needs !== undefined && offered.includes(needs), `${word}, offered: ${offered.join(' ')}`);
    assert.ok(!parameters.has(name), `${name} twice`);
    parameters.set(name, value);
  }
  return parameters;
}

function checkLines(
  checked: CheckedEnvelope,
  binary: boolean,
  offered: readonly string[],
  id: string | undefined,
): void {
  const capabilities = new Map(offered.map((name) => [name, []]));
  const content = toContent('Subject: x\r\n\r\nä\r\n');
  const commands = accepted(() => envelopeCommands({ envelope: checked, content, binary }, capabilities));
  if (commands === undefined) return;
  const { mail, rcpts } = commands;
  assert.equal(rcpts.length, checked.to.length);
  for (const [i, { line }] of [mail, ...rcpts].entries()) {
    assert.doesNotMatch(line, LINE_BREAKS);
    assert.ok(line.startsWith(i === 0 ? 'MAIL FROM:<' : 'RCPT TO:<'), line);
    const wanted = i === 0 ? (checked.from?.address ?? '') : checked.to[i - 1]?.address;
    for (const read of pathOf(line)) assert.equal(read, wanted);
    const parameters = parametersOf(line.slice(line.indexOf('<') + 1 + (wanted ?? '').length), offered);
    if (i === 0 && id !== undefined && offered.includes('DSN')) {
      assert.equal(fromXtext(parameters.get('ENVID') ?? ''), id);
    }
    const original = i === 0 ? undefined : checked.to[i - 1]?.orcpt;
    if (original !== undefined && offered.includes('DSN')) {
      assert.equal(fromXtext(parameters.get('ORCPT') ?? ''), `rfc822;${original}`);
    }
  }
}

const long = (length: number): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.constantFrom('', 'a@', '"', 'a.', '@', '[', 'a@[', '"\\'),
      fc.constantFrom('a', '.', 'a.', '@', '"', '\\', '\\a', ' ', '-', 'é', '[', '1.', ':', '\u0130', 'ß'),
      fc.constantFrom('', '@a.b', '"@a.b', '>', '\0', ']', '@', '!'),
    )
    .map(([start, pump, end]) => start + pump.repeat(Math.ceil(length / pump.length)) + end);

export const ADDRESSES: readonly Property[] = [
  property(
    'address-stable',
    'an accepted address stays as it is when it is checked again, and its domain is ASCII',
    200,
    fc.property(anything, (text) => {
      const found = mailbox(text);
      if (found === undefined) return;
      assert.deepEqual(mailbox(found.address), found);
      assert.match(found.address.slice(found.address.lastIndexOf('@')), /^@[\x21-\x7e]+$/);
      assert.equal(found.utf8, /[^\0-\x7f]/.test(found.address));
    }),
  ),
  property(
    'address-one',
    'an accepted address is one address on one line, however a server reads the path around it',
    200,
    fc.property(anything, (text) => {
      const found = mailbox(text);
      if (found === undefined) return;
      assert.doesNotMatch(found.address, LINE_BREAKS);
      assert.doesNotMatch(found.address, /[<>]/);
      for (const read of pathOf(`RCPT TO:<${found.address}> NOTIFY=NEVER`)) assert.equal(read, found.address);
    }),
  ),
  property(
    'address-plain',
    'ordinary addresses are accepted as they are',
    100,
    fc.property(
      fc.stringMatching(/^[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}(?:\.[a-z0-9-]{1,10}){0,2}$/),
      fc.stringMatching(/^(?:[a-z][a-z0-9]{0,10}\.){1,3}[a-z]{2,6}$/),
      (name, host) =>
        assert.deepEqual(parseMailbox(`${name}@${host}`, 'to'), { address: `${name}@${host}`, utf8: false }),
    ),
  ),
  property(
    'address-time',
    'an address takes no longer than its length explains',
    20,
    fc.property(long(200_000), (text) => {
      const taken = timed(() => mailbox(text));
      assert.ok(taken < 1_000, `${taken.toFixed(0)} ms`);
    }),
  ),
  property(
    'envelope-lines',
    'MAIL and RCPT are one line each, with the parameters that were asked for and only where they are offered',
    200,
    fc.property(envelope, fc.subarray(EXTENSIONS), fc.boolean(), (given, offered, binary) => {
      const checked = accepted(() => checkEnvelope(given));
      if (checked !== undefined) checkLines(checked, binary, offered, given.envelopeId);
    }),
  ),
];
