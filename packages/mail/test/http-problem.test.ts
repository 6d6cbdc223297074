// What a response may say of an error: nothing that names anybody.
import {
  AuthenticationError,
  CapabilityError,
  ConnectionError,
  InputError,
  LimitError,
  ProtocolError,
  ReplyError,
  TokenError,
} from '@mailgrant/core';
import { expect, test } from 'vitest';
import { httpProblem, isMailError } from '../src/index.ts';

const CANARY = 'canary@example.org';
const reply = (code: number) => ({ code, status: undefined, lines: [`${CANARY} said no`] });

test.each<[number, Error, string?]>([
  [400, new InputError('ERR_INPUT_ADDRESS', CANARY)],
  [400, new InputError('ERR_INPUT_MESSAGE', CANARY)],
  [500, new InputError('ERR_INPUT_OPTION', CANARY)],
  [500, new InputError('ERR_MAIL_CLIENT_UNKNOWN', CANARY)],
  [403, new LimitError('ERR_MAIL_NOT_ALLOWED', CANARY)],
  [409, new LimitError('ERR_MAIL_CANCELLED', CANARY)],
  [413, new CapabilityError('ERR_SMTP_SIZE_EXCEEDED', CANARY)],
  [422, new ReplyError('ERR_SMTP_RECIPIENTS_REFUSED', CANARY, reply(550))],
  [503, new ReplyError('ERR_SMTP_RECIPIENTS_REFUSED', CANARY, reply(450))],
  [502, new ReplyError('ERR_SMTP_MESSAGE_REFUSED', CANARY, reply(554))],
  [503, new ReplyError('ERR_SMTP_SENDER_REFUSED', CANARY, reply(432))],
  [502, new AuthenticationError('XOAUTH2', reply(535))],
  [502, new TokenError('ERR_OAUTH_REFUSED', CANARY)],
  [503, new TokenError('ERR_OAUTH_UNAVAILABLE', CANARY)],
  [503, new ConnectionError('ERR_SMTP_CONNECT', CANARY)],
  [503, new ProtocolError(CANARY)],
  [504, new ConnectionError('ERR_SMTP_TIMEOUT', CANARY)],
  [504, new ConnectionError('ERR_SMTP_DEADLINE', CANARY)],
  [503, new ConnectionError('ERR_MAILER_CLOSED', CANARY)],
  [503, new ConnectionError('ERR_SMTP_ABORTED', CANARY)],
  [502, new ConnectionError('ERR_SMTP_TIMEOUT', CANARY, { mayHaveBeenSent: true }), 'It is not certain whether'],
])('%i for %o', (status, error, title = 'The mail ') => {
  const problem = httpProblem(error);
  expect(problem).toMatchObject({ status, code: (error as { code?: unknown }).code });
  expect(problem.title).toContain(title);
  expect(JSON.stringify(problem)).not.toContain('canary');
  expect(isMailError(error)).toBe(true);
});

test('says when to try again, in seconds, where that is known', () => {
  expect(httpProblem(new LimitError('ERR_MAILER_SUSPENDED', 'x', { retryAfter: 1500 }))).toMatchObject({
    retryAfter: 2,
  });
  expect(httpProblem(new TokenError('ERR_OAUTH_UNAVAILABLE', 'x', { retryAfter: 1 }))).toMatchObject({ retryAfter: 1 });
  expect(httpProblem(new LimitError('ERR_MAILER_QUEUE_FULL', 'x'))).not.toHaveProperty('retryAfter');
});

test('other errors are 500 and say nothing', () => {
  expect(httpProblem(new Error(CANARY))).toEqual({
    status: 500,
    title: 'Something went wrong.',
    code: 'ERR_MAIL_UNKNOWN',
  });
  expect(isMailError(new TypeError(CANARY))).toBe(false);
});
