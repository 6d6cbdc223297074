// What a server offers: whole words only, in whatever case, and no offer out of nothing.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { offersMechanism, parseCapabilities, recipientLimit, sizeLimit } from '../../src/smtp/capabilities.ts';
import { ReplyParser } from '../../src/smtp/reply-parser.ts';
import { CONTROLS } from './arbitraries.ts';
import { type Property, property } from './property.ts';

const keyword = fc.constantFrom(
  'AUTH',
  'auth',
  'STARTTLS',
  'SIZE',
  'PIPELINING',
  'LIMITS',
  '8BITMIME',
  'X-AUTH',
  'STARTTLSX',
  '',
);
const parameter = fc.oneof(
  fc.constantFrom(
    'LOGIN',
    'XOAUTH2',
    'xoauth2',
    'XOAUTH2X',
    'X-XOAUTH2',
    '157286400',
    '0',
    '-1',
    '1e9',
    '999999999999999999',
  ),
  fc.constantFrom('RCPTMAX=100', 'rcptmax=5', 'RCPTMAX=0', 'RCPTMAX=', 'MAILMAX=1', 'RCPTMAX=99999999'),
  fc.string({ maxLength: 6 }),
);
const line = fc.oneof(
  fc
    .tuple(keyword, fc.constantFrom(' ', '=', '  ', '\t'), fc.array(parameter, { maxLength: 4 }))
    .map(([name, separator, rest]) => name + separator + rest.join(' ')),
  fc.string({ maxLength: 20 }),
);

/** As a server says it, and as the parser hears it: control characters are shown, a line end in a line is two lines. */
function offered(lines: readonly string[]): { readonly bytes: Buffer; readonly clean: boolean } {
  const all = ['mail.example greets you', ...lines];
  const text = all.map((each, i) => `250${i < all.length - 1 ? '-' : ' '}${each}\r\n`).join('');
  return {
    bytes: Buffer.from(text),
    clean: !lines.some((each) => CONTROLS.test(each)),
  };
}

/** RFC 5321 section 4.1.1.1 and RFC 4954 section 3, word by word. */
function words(lines: readonly string[], name: string): string[] {
  return lines.flatMap((each) => {
    const [first = '', ...rest] = each.split(/[ \t]+/).filter((word) => word !== '');
    // The form with an equals sign is older than the standard.
    if (name === 'AUTH' && /^AUTH=/i.test(first)) return [first.slice(5), ...rest].filter((word) => word !== '');
    return first.toUpperCase() === name ? rest : [];
  });
}

const lines = fc.array(line, { maxLength: 6 });

export const CAPABILITIES: readonly Property[] = [
  property(
    'capabilities-any',
    'whatever a server offers is read without a word of complaint, and limits are whole numbers above 0',
    150,
    fc.property(lines, (all) => {
      const [reply] = new ReplyParser().push(offered(all).bytes);
      if (reply === undefined) return;
      const capabilities = parseCapabilities(reply);
      for (const [name, parameters] of capabilities) {
        assert.ok(name !== '' && name === name.toUpperCase() && !/\s/.test(name), name);
        for (const each of parameters) assert.doesNotMatch(each, /\s/);
      }
      for (const limit of [sizeLimit(capabilities), recipientLimit(capabilities)]) {
        assert.ok(limit === undefined || (Number.isSafeInteger(limit) && limit > 0), String(limit));
      }
    }),
  ),
  property(
    'capabilities-mechanism',
    'a mechanism is offered when it is one of the words behind AUTH, and only then',
    200,
    fc.property(lines, fc.constantFrom('XOAUTH2', 'OAUTHBEARER', 'LOGIN'), (all, mechanism) => {
      const { bytes, clean } = offered(all);
      const [reply] = new ReplyParser().push(bytes);
      if (reply === undefined || !clean) return;
      const expected = words(all, 'AUTH').some((word) => word.toUpperCase() === mechanism);
      assert.equal(offersMechanism(parseCapabilities(reply), mechanism), expected);
    }),
  ),
];
