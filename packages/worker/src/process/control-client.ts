// The other end of the local socket: an outbox in another process than the worker.
import { InputError, type InputErrorCode } from '@mailgrant/core';
import { request } from 'node:http';
import { resolve } from 'node:path';
import type { Outbox, ScheduledMail } from '../outbox/outbox.ts';
import { socketPathOf } from './control-server.ts';
import { ProcessError } from './process-error.ts';
import { collectStreams, decode, encode } from './wire-json.ts';

/** Calls a method of the running worker. */
export type Call = (method: string, ...args: readonly unknown[]) => Promise<unknown>;

/**
 * @returns a function that calls the worker that listens on `path`; it rejects with `ERR_WORKER_NOT_RUNNING` where none does,
 *   and with the worker's own error where that refuses
 */
export function controlClient(path: string): Call {
  return (method, ...args) =>
    new Promise((resolve, reject) => {
      const body = encode({ method, args });
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
      const call = request({ socketPath: path, path: '/', method: 'POST', headers, agent: false }, (response) => {
        const pieces: Uint8Array[] = [];
        response.on('data', (piece: Uint8Array) => pieces.push(piece));
        response.once('error', (cause) => reject(brokenOff(cause)));
        response.once('end', () => {
          try {
            resolve(resultOf(decode(Buffer.concat(pieces).toString())));
          } catch (error) {
            reject(error instanceof SyntaxError ? brokenOff(error) : (error as Error));
          }
        });
      });
      call.once('error', (cause: Error & { code?: string }) => {
        const absent = cause.code === 'ENOENT' || cause.code === 'ECONNREFUSED';
        reject(absent ? notRunning(path, cause) : brokenOff(cause));
      });
      call.end(body);
    });
}

/**
 * The outbox of a running worker with an embedded store, for other processes of the same user on this machine. Each call is
 * a conversation of its own: there is nothing to close, and the worker may be started anew in between.
 *
 * @param options.dir the store's directory, as in the worker's configuration
 * @param options.socket instead: the path the configuration has as `socket`
 */
export function connectOutbox(options: { readonly dir: string } | { readonly socket: string }): Outbox {
  return controlOutbox(controlClient('socket' in options ? options.socket : socketPathOf(resolve(options.dir))));
}

/** The outbox of the worker that listens on `path`. Streams in mails are read here. */
export function controlOutbox(call: Call): Outbox {
  const on =
    (method: string) =>
    (...args: readonly unknown[]) =>
      call(`outbox.${method}`, ...args) as Promise<never>;
  const ready = async (mail: ScheduledMail): Promise<unknown> => collectStreams(mail);
  const refuseTransaction = (options?: { readonly db?: unknown }): void => {
    if (options?.db === undefined) return;
    throw new InputError(
      'ERR_INPUT_OPTION',
      'db: an embedded store is in another process; transactions need PostgreSQL',
    );
  };
  return {
    async scheduleMail(mail, options) {
      refuseTransaction(options);
      return on('scheduleMail')(await ready(mail));
    },
    async scheduleMails(mails, options) {
      refuseTransaction(options);
      const all: unknown[] = [];
      for await (const mail of mails) all.push(await ready(mail));
      return on('scheduleMails')(all);
    },
    cancel: on('cancel'),
    reschedule: on('reschedule'),
    sendNow: on('sendNow'),
    retry: on('retry'),
    replayDead: on('replayDead'),
    resolveInDoubt: on('resolveInDoubt'),
    pause: on('pause'),
    resume: on('resume'),
    list: on('list'),
    get: on('get'),
    stats: on('stats'),
    suppress: on('suppress'),
    unsuppress: on('unsuppress'),
  };
}

function resultOf(answer: unknown): unknown {
  if (typeof answer !== 'object' || answer === null) throw new SyntaxError('no answer');
  if ('error' in answer) throw revived(answer.error as { name?: unknown; code?: unknown; message?: unknown });
  return 'result' in answer ? answer.result : undefined;
}

/** The worker's error again, as its own class where the caller may look for that. */
function revived({ name, code, message }: { name?: unknown; code?: unknown; message?: unknown }): Error {
  const text = String(message);
  if (typeof code === 'string' && code.startsWith('ERR_INPUT_')) return new InputError(code as InputErrorCode, text);
  const error = name === 'ProcessError' ? new ProcessError('ERR_WORKER_REFUSED', text) : new Error(text);
  if (typeof code === 'string') Object.assign(error, { code });
  return error;
}

const notRunning = (path: string, cause: Error): ProcessError =>
  new ProcessError('ERR_WORKER_NOT_RUNNING', `No worker listens on ${path}; start it with \`mailgrant-worker run\`.`, {
    cause,
  });

const brokenOff = (cause: Error): ProcessError =>
  new ProcessError('ERR_WORKER_SOCKET', `The worker broke the conversation off: ${cause.message}`, { cause });
