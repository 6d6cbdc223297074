// The AUTH command (RFC 4954) as Exchange handles it: XOAUTH2 in both forms, passwords refused.
import { findUser } from '../directory.ts';
import type { Dialog } from './dialog.ts';
import { authenticateHve, describeMalformed } from './hve.ts';
import { authenticate, type Identity } from './identity.ts';
import { replies } from './replies.ts';
import { decodeBase64, describeCredentials, parseXoauth2 } from './xoauth2.ts';

/** Handles one AUTH command; returns who it is when it succeeded. */
export async function handleAuth(
  dialog: Dialog,
  argument: string,
  state: { readonly authenticated: boolean; readonly mechanisms: readonly string[] },
): Promise<Identity | undefined> {
  const [name = '', initial, ...rest] = argument.split(' ');
  const mechanism = name.toUpperCase();
  dialog.heard(['AUTH', mechanism, initial !== undefined && describeCredentials(initial)].filter(Boolean).join(' '));
  const { refusals } = dialog;
  if (mechanism === '' || rest.length > 0) return refuse(dialog, replies.invalidArguments);
  if (state.authenticated) return refuse(dialog, replies.authenticatedAlready);
  if (!dialog.connection.tls) return refuse(dialog, refusals.unknownMechanism());
  if (mechanism === 'LOGIN') return login(dialog, initial);
  if (mechanism === 'PLAIN') return plain(dialog, initial);
  if (mechanism !== 'XOAUTH2' || !state.mechanisms.includes(mechanism)) {
    return refuse(dialog, refusals.unknownMechanism());
  }
  return xoauth2(dialog, initial);
}

async function xoauth2(dialog: Dialog, initial: string | undefined): Promise<Identity | undefined> {
  const encoded = initial ?? (await ask(dialog, ''));
  if (encoded === '*') return refuse(dialog, replies.authenticationCancelled);
  const decoded = encoded === undefined ? undefined : decodeBase64(encoded);
  const credentials = decoded && parseXoauth2(decoded);
  const { directory, keys, now, hve } = dialog.context;
  if (credentials === undefined && hve !== undefined) {
    return refuse(dialog, dialog.refusals.malformedXoauth2(describeMalformed(decoded)));
  }
  if (decoded === undefined) return refuse(dialog, replies.invalidArguments);
  if (credentials === undefined) {
    dialog.note('refused: the response is not user=…^Aauth=Bearer …^A^A');
    return refuse(dialog, dialog.refusals.authenticationFailed());
  }
  const { user, token } = credentials;
  dialog.provoke(user, 'AUTH');
  const context = { directory: directory(), keys: await keys(), now: now() };
  const outcome = await (hve === undefined
    ? authenticate(user, token, context)
    : authenticateHve(user, token, context, hve));
  if ('refused' in outcome) {
    dialog.note(`refused: ${outcome.why}`);
    return refuse(dialog, dialog.refusals[outcome.refused]());
  }
  return admit(dialog, outcome);
}

/** The last check: how many connections the mailbox has. The place is given back when the connection is closed. */
async function admit(dialog: Dialog, identity: Identity): Promise<Identity | undefined> {
  const traffic = dialog.context.traffic.of(identity.mailbox);
  traffic.connections += 1;
  traffic.maxConnections = Math.max(traffic.maxConnections, traffic.connections);
  const leave = (): void => {
    traffic.connections -= 1;
  };
  if (traffic.connections > dialog.context.limits.connections) {
    leave();
    dialog.note(`refused: ${identity.mailbox} has ${traffic.connections} connections`);
    return refuse(dialog, replies.tooManyConnections);
  }
  let admitted = false;
  try {
    admitted = (await conclude(dialog, replies.authenticated)) === '2';
  } finally {
    // A fault may have ended the conversation in place of the reply.
    if (admitted) void dialog.connection.closed.then(leave);
    else leave();
  }
  return admitted ? identity : undefined;
}

async function login(dialog: Dialog, initial: string | undefined): Promise<undefined> {
  const encoded = initial ?? (await ask(dialog, 'VXNlcm5hbWU6')) ?? '';
  if (encoded === '*') return refuse(dialog, replies.authenticationCancelled);
  if ((await ask(dialog, 'UGFzc3dvcmQ6')) === '*') return refuse(dialog, replies.authenticationCancelled);
  const name = decodeBase64(encoded)?.toString('utf8') ?? '';
  const locked = findUser(dialog.context.directory(), name)?.tenant.securityDefaults === true;
  return refuse(dialog, locked ? dialog.refusals.securityDefaults() : dialog.refusals.basicDisabled());
}

async function plain(dialog: Dialog, initial: string | undefined): Promise<undefined> {
  if (initial === undefined && (await ask(dialog, '')) === '*') return refuse(dialog, replies.authenticationCancelled);
  return refuse(dialog, dialog.refusals.basicDisabled());
}

async function ask(dialog: Dialog, challenge: string): Promise<string | undefined> {
  const answer = await dialog.challenge(challenge);
  dialog.heard(answer === '*' ? '*' : describeCredentials(answer ?? ''));
  return answer;
}

async function refuse(dialog: Dialog, reply: string): Promise<undefined> {
  await conclude(dialog, reply);
  return undefined;
}

/** The last word on AUTH. A scripted 334 is an error challenge: the client answers it and is refused (RFC 7628 section 3.2.3). */
async function conclude(dialog: Dialog, reply: string): Promise<string> {
  const digit = await dialog.answer('AUTH', reply);
  if (digit !== '3') return digit;
  dialog.heard(describeCredentials((await dialog.line())?.toString('latin1') ?? ''));
  return dialog.answer('AUTH', dialog.refusals.authenticationFailed());
}
