// One message: who, what, and five ways to look at it.
import { conversation } from './conversation.js';
import { facts, fetchJson, fullName, h, nameOf, plural, size, when } from './dom.js';

const SHOWN_SOURCE = 300_000;

function rendered(mail) {
  return [
    mail.remoteContent &&
      h('p', { class: 'hint' }, 'This mail asks for images or styles from the network. They are not loaded here.'),
    h('iframe', {
      class: 'paper',
      title: 'The message as HTML',
      src: `/api/messages/${mail.id}/html`,
      sandbox: 'allow-popups allow-popups-to-escape-sandbox',
      referrerpolicy: 'no-referrer',
    }),
  ];
}

const text = (mail) =>
  mail.text === undefined || mail.text.trim() === ''
    ? h('p', { class: 'hint' }, 'This mail has no text.')
    : h('pre', { class: 'text' }, mail.text);

/** The beginning of the source: enough to read, whatever the size of the message. */
async function fetchSource(mail) {
  const response = await fetch(`/api/messages/${mail.id}/source`);
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let read = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { source: read, whole: true };
    read += decoder.decode(value, { stream: true });
    if (read.length > SHOWN_SOURCE) {
      await reader.cancel();
      return { source: read.slice(0, SHOWN_SOURCE), whole: false };
    }
  }
}

function source(mail) {
  const pre = h('pre', { class: 'source' }, 'Loading …');
  const note = h('p', { class: 'hint', hidden: true });
  const show = async () => {
    const { source: all, whole } = await fetchSource(mail);
    const lines = all.replaceAll('\r\n', '\n');
    const end = lines.search(/\n\n|^\n/);
    const head = end === -1 ? lines : lines.slice(0, end);
    const header = head.split('\n').flatMap((line) => {
      const field = /^([!-9;-~]+:)(.*)$/.exec(line);
      return field ? [h('b', {}, field[1]), `${field[2]}\n`] : [`${line}\n`];
    });
    pre.replaceChildren(h('span', { class: 'header' }, header), end === -1 ? '' : lines.slice(end + 1));
    note.hidden = whole;
    note.textContent = `The first ${size(SHOWN_SOURCE)} of ${size(mail.size)}. Download the message for all of it.`;
  };
  show().catch((error) => {
    pre.textContent = String(error);
  });
  return [note, pre];
}

function attachments(mail) {
  if (mail.attachments.length === 0) return h('p', { class: 'hint' }, 'This mail has no attachments.');
  return h(
    'ul',
    { class: 'attachments' },
    mail.attachments.map((part, index) =>
      h(
        'li',
        {},
        h('span', { class: 'filename' }, part.filename || `part ${index + 1}`),
        h(
          'span',
          { class: 'quiet' },
          [part.mimeType, size(part.size), part.contentId && 'inline'].filter(Boolean).join(' · '),
        ),
        h('a', { class: 'button', href: `/api/messages/${mail.id}/attachments/${index}`, download: true }, 'Download'),
      ),
    ),
  );
}

const always = () => true;
const TABS = [
  { id: 'rendered', label: () => 'Rendered', content: rendered, applies: (mail) => mail.html },
  { id: 'text', label: () => 'Text', content: text, applies: always },
  { id: 'source', label: () => 'Source', content: source, applies: always },
  {
    id: 'conversation',
    label: () => 'Conversation',
    content: (mail) => conversation(mail.session, mail.conversation, { title: 'This message', ofMessage: true }),
    applies: always,
  },
  {
    id: 'attachments',
    label: (mail) => `Attachments ${mail.attachments.length || ''}`,
    content: attachments,
    applies: always,
  },
];

function tabs(mail, wanted) {
  const offered = TABS.filter(({ applies }) => applies(mail));
  const chosen = offered.find(({ id }) => id === wanted) ?? offered[0];
  const go = (id) => {
    location.replace(`#/messages/${mail.id}/${id}`);
  };
  const move = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const index = (offered.indexOf(chosen) + step + offered.length) % offered.length;
    go(offered[index].id);
  };
  return [
    h(
      'div',
      { class: 'tabs', role: 'tablist', 'aria-label': 'Views of the message', onkeydown: move },
      offered.map((tab) =>
        h(
          'button',
          {
            type: 'button',
            role: 'tab',
            id: `tab-${tab.id}`,
            'aria-selected': String(tab === chosen),
            'aria-controls': 'panel',
            tabindex: tab === chosen ? '0' : '-1',
            onclick: () => go(tab.id),
          },
          tab.label(mail),
        ),
      ),
    ),
    h(
      'div',
      {
        class: `panel panel-${chosen.id}`,
        role: 'tabpanel',
        id: 'panel',
        tabindex: '0',
        'aria-labelledby': `tab-${chosen.id}`,
      },
      chosen.content(mail),
    ),
  ];
}

function refusals({ refused }) {
  if (refused.length === 0) return undefined;
  return h(
    'div',
    { class: 'callout', role: 'note' },
    h('strong', {}, `${plural(refused.length, 'recipient')} refused`),
    h(
      'ul',
      {},
      refused.map(({ address, reply }) => h('li', {}, h('b', {}, address), h('code', {}, reply))),
    ),
  );
}

const initials = (sender) =>
  nameOf(sender)
    .split(/[\s.@_-]+/)
    .filter((word) => /^\p{L}/u.test(word))
    .slice(0, 2)
    .map((word) => word[0].toUpperCase())
    .join('') || '?';

/** The message `id`, opened at a tab. */
export async function message(id, tab) {
  const mail = await fetchJson(`/api/messages/${encodeURIComponent(id)}`);
  const [sender = { name: '', address: mail.envelope.from }] = mail.from;
  const remove = async () => {
    await fetch(`/api/messages/${mail.id}`, { method: 'DELETE' });
    location.hash = '#/';
  };
  return h(
    'article',
    { class: 'message' },
    h(
      'header',
      { class: 'head' },
      h(
        'div',
        { class: 'title' },
        h('h1', {}, mail.subject || '(no subject)'),
        h(
          'a',
          { class: 'button', href: `/api/messages/${mail.id}/source`, download: `message-${mail.id}.eml` },
          'Download',
        ),
        h('button', { class: 'button', type: 'button', onclick: remove }, 'Delete'),
      ),
      h(
        'div',
        { class: 'people' },
        h('span', { class: 'avatar', 'aria-hidden': 'true' }, initials(sender)),
        h(
          'div',
          {},
          h('p', {}, h('b', {}, nameOf(sender)), ' ', sender.name && h('span', { class: 'quiet' }, sender.address)),
          h(
            'p',
            { class: 'quiet' },
            'to ',
            mail.to.length > 0 ? mail.to.map(fullName).join(', ') : mail.envelope.to.join(', '),
          ),
          mail.cc.length > 0 && h('p', { class: 'quiet' }, 'cc ', mail.cc.map(fullName).join(', ')),
        ),
        h('time', { class: 'quiet', datetime: mail.receivedAt }, when(mail.receivedAt)),
      ),
      refusals(mail.envelope),
      h(
        'details',
        { class: 'more' },
        h(
          'summary',
          {},
          h('span', { class: 'chip' }, plural(mail.roundTrips, 'round trip')),
          mail.session.tls && h('span', { class: 'chip' }, mail.session.tls.split(',')[0]),
          h('span', { class: 'chip' }, size(mail.size)),
          h('span', { class: 'chip' }, `as ${mail.identity.mailbox}`),
          h('span', { class: 'quiet details' }, 'Details'),
        ),
        facts([
          ['Envelope from', mail.envelope.from || '<>'],
          ['Envelope to', mail.envelope.to.join(', ')],
          ['Mailbox', mail.identity.mailbox],
          ['App', `${mail.identity.appName} (${mail.identity.clientId})`],
          ['Tenant', mail.identity.tenantId],
          ['Message-ID', mail.messageId],
          ['Internal id', mail.internalId],
          ['Reply-To', mail.replyTo.map(fullName).join(', ')],
          ['Date', mail.date],
          ['TLS', mail.session.tls],
        ]),
      ),
    ),
    tabs(mail, tab),
  );
}
