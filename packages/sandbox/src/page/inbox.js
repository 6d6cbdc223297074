// The page as a whole: the list on the left, what was chosen on the right, and the events that keep both up to date.
import { connect } from './connect.js';
import { conversation } from './conversation.js';
import { facts, fetchJson, h, nameOf, plural, when } from './dom.js';
import { message } from './message.js';

const byId = (id) => document.getElementById(id);
const content = byId('content');
const state = { messages: [], sessions: [], tokenRequests: [], seen: new Set() };

const route = () => {
  const [view = '', id, tab] = location.hash.replace(/^#\/?/, '').split('/');
  return { view, id, tab };
};
const wide = matchMedia('(min-width: 800px)');

// --- the list ---

const mailItem = (mail, current) =>
  h(
    'li',
    {},
    h(
      'a',
      {
        href: `#/messages/${mail.id}`,
        'data-key': `mail-${mail.id}`,
        'aria-current': current === mail.id && 'true',
        class: state.seen.has(mail.id) ? 'item' : 'item new',
      },
      h('span', { class: 'from' }, nameOf(mail.from[0] ?? { address: mail.envelope.from })),
      h('time', { datetime: mail.receivedAt }, when(mail.receivedAt)),
      h('span', { class: 'subject' }, mail.subject || '(no subject)'),
      h('span', { class: 'to' }, `to ${mail.envelope.to.join(', ')}`),
      h(
        'span',
        { class: 'marks' },
        mail.hasAttachments && h('span', { class: 'mark clip', role: 'img', 'aria-label': 'has attachments' }),
        mail.envelope.refused.length > 0 &&
          h('span', { class: 'mark warn' }, `${mail.envelope.refused.length} refused`),
      ),
    ),
  );

const activityItem = ({ key, href, at, title, detail, bad }, current) =>
  h(
    'li',
    {},
    h(
      'a',
      { href, 'data-key': key, 'aria-current': current === key && 'true', class: `item event ${bad ? 'bad' : 'good'}` },
      h('span', { class: 'from' }, title),
      h('time', { datetime: at }, when(at)),
      h('span', { class: 'to' }, detail),
    ),
  );

const GRANTS = {
  client_credentials: 'app',
  authorization_code: 'sign-in',
  refresh_token: 'refresh',
  password: 'password',
  'urn:ietf:params:oauth:grant-type:device_code': 'device code',
};
const grantName = (grant) => (Object.hasOwn(GRANTS, grant) ? GRANTS[grant] : grant);

function activity() {
  const requests = state.tokenRequests.map((request, index) => ({
    key: `token-${index}`,
    href: `#/tokens/${index}`,
    at: new Date(request.at).toISOString(),
    title: { issued: 'Token issued', refused: 'Token refused', fault: 'Token fault' }[request.outcome],
    detail: [
      grantName(request.grant),
      request.user,
      request.outcome === 'issued' ? request.scope : (request.error ?? `HTTP ${request.status || 'none'}`),
    ]
      .filter(Boolean)
      .join(' · '),
    bad: request.outcome !== 'issued',
  }));
  const sessions = state.sessions.map((session) => ({
    key: `session-${session.id}`,
    href: `#/sessions/${session.id}`,
    at: session.startedAt,
    title: `SMTP session ${session.id}`,
    detail:
      session.refusal ?? (session.messages > 0 ? `${plural(session.messages, 'message')} delivered` : 'nothing sent'),
    bad: session.refusal !== undefined,
  }));
  return [...requests, ...sessions].toSorted((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));
}

function renderList() {
  const { view, id } = route();
  const showActivity = ['activity', 'sessions', 'tokens'].includes(view);
  const events = activity();
  byId('mail-count').textContent = String(state.messages.length);
  byId('activity-count').textContent = String(events.length);
  byId('clear').disabled = state.messages.length === 0;
  for (const [link, on] of [
    [byId('show-mail'), !showActivity],
    [byId('show-activity'), showActivity],
  ]) {
    if (on) link.setAttribute('aria-current', 'true');
    else link.removeAttribute('aria-current');
  }
  const focused = document.activeElement?.getAttribute('data-key');
  const current = showActivity ? `${view === 'tokens' ? 'token' : 'session'}-${id}` : id;
  const items = showActivity
    ? events.map((event) => activityItem(event, current))
    : state.messages.toReversed().map((mail) => mailItem(mail, current));
  const nothing = showActivity
    ? h('li', { class: 'nothing' }, 'Nothing has happened yet.')
    : h('li', { class: 'nothing' }, 'No mail yet. ', h('a', { href: '#/connect' }, 'How to connect'));
  byId('items').replaceChildren(...(items.length > 0 ? items : [nothing]));
  if (focused) document.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  document.title = state.messages.length > 0 ? `(${state.messages.length}) Mailgrant sandbox` : 'Mailgrant sandbox';
}

function moveInList(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step === undefined) return;
  const links = [...byId('items').querySelectorAll('a')];
  const next = links[links.indexOf(document.activeElement) + step];
  if (next === undefined) return;
  event.preventDefault();
  next.focus();
}

// --- the right side ---

const tokenRequest = (request) =>
  h(
    'article',
    { class: 'plain' },
    h('h1', {}, request.outcome === 'issued' ? 'Token issued' : 'No token issued'),
    facts([
      ['Time', when(new Date(request.at).toISOString())],
      ['Outcome', request.outcome === 'fault' ? 'a scripted fault answered' : request.outcome],
      ['HTTP status', String(request.status || 'no answer')],
      ['Error', request.error],
      ['Grant', request.grant || '(none)'],
      ['Credential', request.credential],
      ['User', request.user],
      ['Tenant', request.tenant],
      ['Client ID', request.clientId || '(none)'],
      ['Scope', request.scope || '(none)'],
    ]),
  );

async function sessionView(id) {
  const session = await fetchJson(`/api/sessions/${encodeURIComponent(id)}`);
  return h(
    'article',
    { class: 'plain' },
    h('h1', {}, `SMTP session ${session.id}`),
    conversation(session, session.conversation, { title: 'Messages' }),
  );
}

const hint = (text) => h('p', { class: 'hint' }, text);

async function view({ view: name, id, tab }) {
  if (name === 'messages' && id !== undefined) {
    state.seen.add(id);
    return message(id, tab);
  }
  if (name === 'sessions') return sessionView(id);
  if (name === 'tokens') {
    const request = state.tokenRequests[Number(id)];
    return request === undefined ? hint('There is no such token request.') : tokenRequest(request);
  }
  if (name === 'activity') return hint('Choose a token request or an SMTP session.');
  if (name === 'connect' || state.messages.length === 0) return connect({ waiting: state.messages.length === 0 });
  return hint('Choose a message.');
}

let shown = 0;
async function show() {
  const target = route();
  if (target.view === '' && wide.matches && state.messages.length > 0) {
    location.replace(`#/messages/${state.messages.at(-1).id}`);
    return;
  }
  const turn = (shown += 1);
  const made = await view(target).catch(() => hint('It is not here any more.'));
  if (turn !== shown) return; // something else was chosen meanwhile
  const back = h(
    'a',
    { class: 'back', href: ['sessions', 'tokens'].includes(target.view) ? '#/activity' : '#/' },
    '‹ Back',
  );
  const onTab = document.activeElement?.getAttribute('role') === 'tab';
  content.replaceChildren(back, made);
  const tab = content.querySelector('[role=tab][aria-selected=true]');
  tab?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  if (onTab) tab?.focus();
  const atList = ['', 'activity'].includes(target.view) && state.messages.length + activity().length > 0;
  document.body.dataset.pane = atList ? 'list' : 'content';
  if (!onTab && !wide.matches && !atList) content.focus(); // the list, and what was chosen in it, is gone from view
  renderList();
}

// --- events ---

async function loadActivity() {
  [state.sessions, state.tokenRequests] = await Promise.all([
    fetchJson('/api/sessions'),
    fetchJson('/api/token-requests'),
  ]);
}

async function load() {
  [state.messages] = await Promise.all([fetchJson('/api/messages'), loadActivity()]);
  for (const { id } of state.messages) state.seen.add(id);
}

let activityDue;
function listen() {
  const events = new EventSource('/api/events');
  const live = byId('live');
  let dropped = false;
  events.addEventListener('open', () => {
    if (dropped) void load().then(show); // another sandbox may be running there now
    dropped = false;
    live.textContent = 'live';
    live.classList.add('on');
  });
  events.addEventListener('error', () => {
    dropped = true;
    live.textContent = 'not running';
    live.classList.remove('on');
  });
  events.addEventListener('message', (event) => {
    const mail = JSON.parse(event.data);
    if (mail.id === undefined || state.messages.some(({ id }) => id === mail.id)) return;
    const first = state.messages.length === 0;
    state.messages.push(mail);
    byId('status').textContent = `New mail: ${mail.subject || 'no subject'}`;
    if (first && ['', 'connect'].includes(route().view)) void show();
    else renderList();
  });
  events.addEventListener('removed', () => {
    void load().then(show);
  });
  events.addEventListener('activity', () => {
    clearTimeout(activityDue);
    activityDue = setTimeout(() => void loadActivity().then(renderList), 100);
  });
}

byId('clear').addEventListener('click', () => {
  void fetch('/api/messages', { method: 'DELETE' }).then(() => {
    location.hash = '#/';
  });
});
byId('items').addEventListener('keydown', moveInList);
addEventListener('hashchange', () => void show());
listen();
void load().then(show);
