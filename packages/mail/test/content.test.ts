// What mails are made of: the escaping html tag, HTML as text, and mails with a name.
import { describe, expect, expectTypeOf, test } from 'vitest';
import { defineMail, Html, html, textOf, type RenderedMail } from '../src/index.ts';

describe('html', () => {
  test('escapes what is put in, in text and in quoted attributes', () => {
    const evil = `<script>alert("x")</script>' onload='y & z\``;
    expect(String(html`<p title="${evil}">${evil}</p>`)).not.toMatch(/<script|"x"|' onload|& z|`/);
    expect(textOf(String(html`<p>${evil}</p>`))).toBe(evil);
  });

  test('leaves its own pieces, joins lists, and drops nothing but what is nothing', () => {
    const items = ['a<b', 'c'].map((item) => html`<li>${item}</li>`);
    expect(String(html`${items}`)).toBe('<li>a&#60;b</li><li>c</li>');
    expect(String(html`${null}${undefined}${false}${true}${0}${10n}${''}${['&', [1]]}`)).toBe('010&#38;1');
    expect(String(html`${html.raw('<br>')}`)).toBe('<br>');
  });

  test('an object that looks like a piece of HTML is none', () => {
    expect(String(html`${{ content: '<script>' } as unknown as string}`)).toBe('[object Object]');
    expect(html`<p></p>` instanceof Html).toBe(true);
  });
});

describe('textOf', () => {
  test.each<[string, string, string]>([
    ['paragraphs and lines', '<p>One\n  two</p><p>three<br>four<br><br>five</p>', 'One two\n\nthree\nfour\n\nfive'],
    ['headings and divisions', '<h1>Title</h1><div>a</div><div>b</div>', 'Title\n\na\nb'],
    ['inline elements', 'a <b>bold</b>, <i>it</i>alic<span> end</span>', 'a bold, italic end'],
    ['lists', '<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul><ol><li>x<li>y</ol>', '- a\n  - b\n- c\n\n1. x\n2. y'],
    [
      'links',
      '<a href="https://x.example/?a=1&amp;b=2">here</a>, <a href=\'mailto:a@x.example\'>a@x.example</a>',
      'here (https://x.example/?a=1&b=2), a@x.example',
    ],
    [
      'links without text or target',
      '<a href=https://x.example><img alt="Logo"></a> <a name=x>top</a> <a href="#a">a</a>',
      'Logo (https://x.example) top a',
    ],
    ['tables', '<table><tr><th>No.</th><th>Sum</th></tr><tr><td>1</td><td>2 €</td></tr></table>', 'No. Sum\n1 2 €'],
    [
      'what is not to be read',
      '<head><title>t</title><style>p{}</style></head><body>a<script>if (1<2) x("</p>")</script><!-- c -->b',
      'ab',
    ],
    ['preformatted text', '<pre>a\n  b</pre>c', 'a\n  b\n\nc'],
    [
      'entities',
      '&lt;b&gt; &amp;amp; &quot;&#39;&#x41;&nbsp;&euro;&unknown; &#0;&#xd800;',
      '<b> &amp; "\'A €&unknown;',
    ],
    ['a rule', 'a<hr>b', 'a\n\n---\n\nb'],
    ['a lone bracket', '1 < 2 <3', '1 < 2 <3'],
    ['an attribute with a bracket', '<img alt="a > b" src=x>c', 'a > bc'],
    ['capitals', '<P>A</P><P>B</P>', 'A\n\nB'],
    ['nothing', '', ''],
    ['an unclosed comment', 'a<!-- b', 'a'],
    ['a head that is not closed', '<head><meta charset=utf-8><body>a', 'a'],
  ])('%s', (_, given, expected) => {
    expect(textOf(given)).toBe(expected);
  });

  test.each(['<a', '<a "', "<a '", '<!--', '<!', '&', '&#', '<p><ul><li>', '< ', 'a='])(
    'takes time that grows with the length: many %j',
    (piece) => {
      expect(textOf(piece.repeat(200_000))).toBeTypeOf('string');
      expect(textOf(`<a ${piece.repeat(200_000)}>`)).toBeTypeOf('string');
    },
    20_000,
  );

  test('takes content as it comes in mails: blanks by the thousand, an image of megabytes inside a tag', () => {
    expect(textOf(`<pre>${' '.repeat(500_000)}x${' '.repeat(500_000)}</pre>y`)).toBe('x\n\ny');
    const image = 'A'.repeat(20_000_000);
    expect(textOf(`<p>Hi<img alt=there src=data:image/png,${image}></p>`)).toBe('Hithere');
    expect(textOf(`a <b ${image}`)).toHaveLength(image.length + 5);
  }, 20_000);
});

describe('defineMail', () => {
  interface Props {
    readonly number: number;
    readonly name: string;
  }
  const invoice = defineMail<Props>({
    name: 'invoice',
    subject: ({ number }) => `Invoice ${number}`,
    render: async ({ name }) => html`<p>Dear ${name}</p>`,
    preview: { cases: { short: { number: 1, name: 'Ada' }, long: { number: 2, name: 'x'.repeat(100) } } },
  });

  test('renders a mail with typed props; fields of the call come last', async () => {
    const mail = await invoice({ number: 7, name: '<Ada>' }, { to: 'ada@example.org' });
    expect(mail).toEqual({
      template: 'invoice',
      subject: 'Invoice 7',
      html: new Html('<p>Dear &#60;Ada&#62;</p>'),
      to: 'ada@example.org',
    });
    expect((await invoice({ number: 7, name: 'Ada' }, { subject: 'Copy' })).subject).toBe('Copy');
    expectTypeOf(invoice).parameter(0).toEqualTypeOf<Props>();
    expectTypeOf(invoice).returns.resolves.toEqualTypeOf<RenderedMail>();
    // @ts-expect-error -- a property is missing
    void invoice({ number: 7 });
    // @ts-expect-error -- the content is the definition's
    void invoice({ number: 7, name: 'Ada' }, { html: '<p>' });
  });

  test('a field that is undefined says nothing: what was rendered stays', async () => {
    const report = defineMail({
      name: 'report',
      subject: 'Report',
      render: () => ({ html: '<p>', subject: undefined, attachments: [{ filename: 'a.txt', content: 'a' }] }),
      preview: {},
    });
    const mail = await report({}, { to: 'ada@example.org', attachments: undefined, headers: undefined });
    expect(mail).toMatchObject({ subject: 'Report', attachments: [{ filename: 'a.txt' }] });
    expect((await report({}, { subject: undefined })).subject).toBe('Report');
  });

  test('feeds previews: the first sample or one by name', async () => {
    expect(invoice.previews).toEqual(['short', 'long']);
    expect(await invoice.preview()).toMatchObject({ template: 'invoice', subject: 'Invoice 1' });
    expect((await invoice.preview('long')).subject).toBe('Invoice 2');
    await expect(invoice.preview('none')).rejects.toThrow('preview: there is no sample "none"; there are short, long');
  });

  test('render may give parts: text, attachments, header fields, a subject of its own', async () => {
    const plain = defineMail({
      name: 'plain',
      subject: 'Fixed',
      render: ({ day }: { day: string }) => ({
        subject: `On ${day}`,
        text: day,
        html: '<p>day',
        headers: { 'X-Day': day, 'X-Kind': 'plain' },
        attachments: [{ filename: 'a.txt', content: 'a' }],
      }),
      preview: { day: 'Monday' },
    });
    expect(plain.previews).toEqual(['preview']);
    expect(
      await plain({ day: 'Friday' }, { headers: { 'X-Kind': 'own' }, attachments: [{ filename: 'b.txt' }] }),
    ).toMatchObject({
      subject: 'On Friday',
      text: 'Friday',
      html: '<p>day',
      headers: [
        { key: 'X-Day', value: 'Friday' },
        { key: 'X-Kind', value: 'own' },
      ],
      attachments: [{ filename: 'a.txt' }, { filename: 'b.txt' }],
    });
  });

  test.each<[object, string]>([
    [{}, 'name: expected'],
    [{ name: 'a', subject: 'b' }, 'render: expected a function'],
    [{ name: 'a', render: () => '' }, 'subject: expected'],
    [{ name: 'a', subject: 'b', render: () => '' }, 'preview: expected sample props'],
  ])('what is missing is named: %j', (definition, message) => {
    expect(() => defineMail(definition as never)).toThrow(message);
  });
});
