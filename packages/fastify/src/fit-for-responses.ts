// Errors whose message may go into an HTTP response: Fastify puts it there, and takes `status` for its own.
import { httpProblem, isMailError, type MailClient } from '@mailgrant/mail';

/** What of an error may be seen by whoever prints or serializes it. */
const SHOWN = ['code', 'name', 'stage', 'mayHaveBeenSent'];

/**
 * A copy of an error of sending mail: of the same class, with the same `code` and facts, but with a `message` fit for strangers
 * and a `statusCode` of its own. The error itself is the `cause`. Other errors are returned as they are.
 */
export function fitForResponses(error: unknown): unknown {
  if (!isMailError(error)) return error;
  const { status, title, retryAfter } = httpProblem(error);
  const copy = new Error(title, { cause: error });
  for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(error))) {
    if (name === 'message' || name === 'stack' || name === 'cause') continue;
    // Facts are there to be asked for, and not in what JSON.stringify() makes of the error.
    Object.defineProperty(copy, name, { ...property, enumerable: SHOWN.includes(name) });
  }
  const [, frames = ''] = /\n( {4}at [^]*)$/.exec(error.stack ?? '') ?? [];
  const hidden = { writable: true, configurable: true, enumerable: false };
  return Object.defineProperties(Object.setPrototypeOf(copy, Object.getPrototypeOf(error) as object) as Error, {
    statusCode: { ...hidden, enumerable: true, value: status },
    stack: { ...hidden, value: `${error.name} [${error.code}]: ${title}\n${frames}` },
    // Fastify sets the headers an error brings.
    ...(retryAfter !== undefined && { headers: { ...hidden, value: { 'retry-after': String(retryAfter) } } }),
  });
}

/** Runs something, and throws what it throws as a response may tell it. */
export async function answerable<T>(run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw fitForResponses(error);
  }
}

/** The client, whose errors may go into responses. */
export function answerableClient(client: MailClient): MailClient {
  const send: MailClient['send'] = (mail, options) => answerable(() => client.send(mail, options));
  return {
    name: client.name,
    send,
    sendMail: send,
    verify: (options) => answerable(() => client.verify(options)),
    health: () => client.health(),
    resume: () => client.resume(),
    on: (event, listener) => client.on(event, listener),
    close: (options) => client.close(options),
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}
