// What the demo says at each step.
import {
  type AccessToken,
  type ConnectionFacts,
  decodeClaims,
  printableClaims,
  type Receipt,
  type RecipientResult,
  replyText,
  type TokenState,
} from '@mailgrant/core';
import { explain } from '@mailgrant/core/diagnosis';
import type { DemoMail } from './mails.ts';
import type { Target } from './target.ts';
import type { Terminal } from './terminal.ts';

/** Prints the steps of one run and adds up what they took. Durations in milliseconds. */
export interface Report {
  introduction(): void;
  tokenWanted(): void;
  tokenReceived(token: AccessToken, state: TokenState, took: number): void;
  sessionWanted(): void;
  sessionOpened(facts: ConnectionFacts, took: number): void;
  mailWanted(mail: DemoMail): void;
  mailSent(mail: DemoMail, receipt: Receipt): void;
  done(): void;
}

/** With `inboxUrl`, where the page can be looked at afterwards. */
export function createReport(target: Target, terminal: Terminal, inboxUrl?: string): Report {
  const { sandbox } = target;
  let step = 0;
  let mails = 0;
  let roundTrips = 0;
  let milliseconds = 0;

  const heading = (text: string): void => {
    step += 1;
    terminal.line(`\n${terminal.style('bold', `${step}  ${text}`)}`);
  };
  const success = (text: string): void => terminal.line(` ${terminal.style('green', '✓')} ${text}`);

  return {
    introduction() {
      terminal.line(`\n${terminal.style('bold', 'Mailgrant')} sends mail through Microsoft 365 with OAuth 2.0.`);
      const where =
        sandbox === undefined
          ? 'This run sends real mail, through smtp.office365.com.'
          : 'A sandbox on this machine plays Microsoft 365: nothing leaves it.';
      terminal.paragraph(where, { style: 'dim' });
    },

    tokenWanted() {
      heading('An access token for the application');
      terminal.field('from', new URL(target.tokenEndpoint).origin);
      terminal.field('tenant', target.tenantId);
      terminal.field('client', `${target.clientId}, by its secret`);
    },

    tokenReceived(token, { renewAt }, took) {
      const { expiresAt } = token;
      milliseconds += took;
      const minutes = Math.round((expiresAt - Date.now()) / 60_000);
      const renewal = renewAt === undefined ? '' : `; renewed from ${clock(renewAt)}`;
      const claims = decodeClaims(token);
      if (claims !== undefined) {
        const { aud, roles } = printableClaims(claims);
        const allowed = Array.isArray(roles) && roles.length > 0 ? roles.join(', ') : 'no role';
        terminal.field('carries', `${allowed} for ${String(aud)}`);
      }
      terminal.field('lasts', `until ${clock(expiresAt)} (${minutes} minutes)${renewal}`);
      success(`received in ${ms(took)}; its value is never printed`);
    },

    sessionWanted() {
      heading('A session with the mail server');
      terminal.field('mailbox', target.user);
    },

    sessionOpened({ server, greeting, tls, mechanism, inlineAuth, roundTrips: flights }, took) {
      milliseconds += took;
      roundTrips += flights;
      terminal.field('server', `${server.host}:${server.port}, ${greeting.split(' ')[0] ?? ''}`);
      if (tls !== undefined) terminal.field('TLS', `${tls.protocol}, ${tls.cipher}, certificate verified`);
      terminal.field('login', `${mechanism}, ${inlineAuth ? 'the token with the AUTH command' : 'in two steps'}`);
      success(`ready in ${ms(took)}, ${flights} round trips`);
    },

    mailWanted({ title, subject, parts, size, envelope: { to } }) {
      heading(title);
      terminal.field('from', target.sender);
      terminal.field('to', to.map((each) => (typeof each === 'string' ? each : each.address)).join(', '));
      terminal.field('subject', subject);
      terminal.field('content', size === undefined ? parts : `${parts}; ${bytes(size)}`);
    },

    mailSent({ envelope: { to } }, { accepted, deferred, refused, reply, queueId, ...receipt }) {
      mails += 1;
      roundTrips += receipt.roundTrips;
      milliseconds += receipt.timings.total;
      for (const each of accepted) terminal.field('accepted', recipient(each));
      for (const each of [...deferred, ...refused]) {
        terminal.field(deferred.includes(each) ? 'deferred' : 'refused', recipient(each), 'yellow');
        const { title, remedy } = explain(each.reply, { stage: 'RCPT' });
        terminal.field('', `${title}. ${remedy}`);
      }
      // The queue id has a line of its own, the host is in it.
      terminal.field('answer', replyText(reply).replace(/ <[^<>]+>| \[Hostname=[^\]]+\]/g, ''));
      if (queueId !== undefined) terminal.field('queue id', queueId);
      const message = sandbox?.inbox.messages.find(({ internalId }) => internalId === queueId);
      if (inboxUrl !== undefined && message !== undefined) {
        terminal.field('see', `${inboxUrl}#/messages/${message.id}`, 'cyan');
      }
      const who = accepted.length === to.length ? '' : ` to ${accepted.length} of ${to.length}`;
      success(`sent${who} in ${ms(receipt.timings.total)}, ${receipt.roundTrips} round trips`);
    },

    done() {
      const total = `${mails} mails, ${roundTrips} round trips, ${ms(milliseconds)}`;
      // Counted by the other side.
      const shared =
        sandbox === undefined
          ? ''
          : `, ${count(sandbox.tokenRequests, 'token request')}, ${count(sandbox.sessions, 'connection')}`;
      terminal.line(`\n${terminal.style('bold', total + shared)}`);
    },
  };
}

const recipient = ({ address, reply }: RecipientResult): string => `${address}: ${replyText(reply)}`;

const clock = (at: number): string => new Date(at).toLocaleTimeString('en-GB');

const ms = (duration: number): string => `${Math.max(1, Math.round(duration))} ms`;

const bytes = (size: number): string => (size < 10_000 ? `${size} bytes` : `${Math.round(size / 1000)} kB`);

const count = (list: readonly unknown[], noun: string): string =>
  `${list.length} ${noun}${list.length === 1 ? '' : 's'}`;
