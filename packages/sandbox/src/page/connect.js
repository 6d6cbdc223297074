// How to point a mailer at this sandbox; also what the page shows while no mail has come.
import { fetchJson, h } from './dom.js';

function copyButton(term, value) {
  const copy = async (event) => {
    const button = event.currentTarget;
    await navigator.clipboard.writeText(value);
    button.textContent = 'Copied';
    setTimeout(() => {
      button.textContent = 'Copy';
    }, 1500);
  };
  return h('button', { class: 'button small', type: 'button', 'aria-label': `Copy ${term}`, onclick: copy }, 'Copy');
}

const row = ([term, value]) =>
  h('div', {}, h('dt', {}, term), h('dd', {}, h('code', {}, value), copyButton(term, value)));

export async function connect({ waiting }) {
  const settings = await fetchJson('/api/connection');
  const group = (heading, rows) =>
    h('section', {}, h('h2', {}, heading), h('dl', { class: 'settings' }, rows.map(row)));
  return h(
    'article',
    { class: 'connect' },
    waiting && h('p', { class: 'pulse', 'aria-hidden': 'true' }),
    h('h1', {}, waiting ? 'Waiting for the first mail' : 'How to connect'),
    h(
      'p',
      { class: 'lead' },
      'Point your mailer here instead of at Microsoft 365. Whatever it sends shows up on this page the moment it arrives; nothing leaves this machine.',
    ),
    group('SMTP', [
      ['Host', settings.smtp.host],
      ['Port', String(settings.smtp.port)],
      ['Security', settings.security],
      ['User', settings.mailbox],
    ]),
    group('Token', [
      ['Token endpoint', settings.tokenEndpoint],
      ['Tenant ID', settings.tenantId],
      ['Client ID', settings.clientId],
      ['Scope', settings.scope],
    ]),
    h(
      'p',
      {},
      'The server proves itself with a certificate of its own authority: ',
      h('a', { href: '/api/ca.pem', download: true }, 'download the CA'),
      ' and hand it to your mailer, for instance with ',
      h('code', {}, 'NODE_EXTRA_CA_CERTS'),
      '. Never turn verification off.',
    ),
    h(
      'p',
      { class: 'quiet' },
      'The client secret is not shown here: the command printed it, and in a test it is ',
      h('code', {}, 'sandbox.clientSecret'),
      '.',
    ),
  );
}
