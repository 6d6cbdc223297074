// The SMTP dialogue: who said what, when, and where the client had to wait.
import { h, plural } from './dom.js';

const milliseconds = (at) => (at < 1000 ? `${at.toFixed(1)} ms` : `${(at / 1000).toFixed(2)} s`);

const SPEAKERS = { client: 'Client', server: 'Server', note: 'Sandbox' };

/** The lines of one reply as one entry. */
function joinReplies(entries) {
  const joined = [];
  for (const entry of entries) {
    const last = joined.at(-1);
    const goesOn = last?.from === 'server' && entry.from === 'server' && /(?:^|\n)\d{3}-[^\n]*$/.test(last.text);
    if (goesOn) joined[joined.length - 1] = { ...last, text: `${last.text}\n${entry.text}` };
    else joined.push(entry);
  }
  return joined;
}

function line(entry) {
  const refused = entry.from === 'server' && /^[45]\d\d/.test(entry.text);
  const blamed = entry.from === 'note' && entry.text.startsWith('refused');
  return h(
    'li',
    { class: `line ${entry.from}${refused || blamed ? ' refused' : ''}` },
    h('span', { class: 'at' }, milliseconds(entry.at)),
    h('span', { class: 'who' }, SPEAKERS[entry.from]),
    h('code', {}, entry.text),
  );
}

/** Flights of one transaction: what went out together and the answers to it. */
function flights(entries) {
  const groups = [];
  for (const entry of entries) {
    const last = groups.at(-1);
    if (last !== undefined && last[0].flight === entry.flight) last.push(entry);
    else groups.push([entry]);
  }
  return groups.map((group) => h('li', { class: 'flight' }, h('ol', {}, joinReplies(group).map(line))));
}

const setUp = (entries) => entries.filter(({ transaction }) => transaction === 0);
const flightCount = (entries) =>
  new Set(entries.filter(({ from }) => from === 'client').map(({ flight }) => flight)).size;

/** What the server refused last, and why, where the sandbox knows. */
function refusal(entries) {
  const at = entries.findLastIndex(({ from, text }) => from === 'server' && /^[45]\d\d/.test(text));
  if (at === -1) return undefined;
  const before = entries[at - 1];
  const why = before?.from === 'note' && before.text.startsWith('refused: ') ? before.text.slice(9) : undefined;
  return h(
    'div',
    { class: 'callout bad', role: 'note' },
    h('code', {}, entries[at].text),
    why && h('p', {}, `Why: ${why}.`),
  );
}

/** One part under its heading; folded where another part is the one that matters. */
function section(heading, entries, folded) {
  if (entries.length === 0) return undefined;
  const took = milliseconds(entries.at(-1).at - entries[0].at);
  return h(
    'details',
    { open: !folded },
    h('summary', {}, heading, h('span', { class: 'quiet' }, ` ${plural(flightCount(entries), 'round trip')}, ${took}`)),
    h('ol', { class: 'dialogue' }, flights(entries)),
  );
}

/** A session: its set-up, and what came after that under `title`. */
export function conversation(session, entries, { title, ofMessage = false }) {
  const opening = setUp(entries);
  const rest = entries.filter(({ transaction }) => transaction !== 0);
  return h(
    'div',
    { class: 'conversation' },
    h(
      'p',
      { class: 'quiet' },
      `Session ${session.id} from ${session.remote}`,
      session.clientName ? `, which calls itself ${session.clientName}` : '',
      session.tls ? `. ${session.tls}.` : '. No TLS.',
      session.open ? ' The connection is open.' : ' The connection is closed.',
    ),
    !ofMessage && refusal(entries),
    section('Set-up', opening, ofMessage),
    section(title, rest, false),
  );
}
