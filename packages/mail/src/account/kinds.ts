// What kind of value each setting of core takes: the first look at settings that came from outside.
import type { MailerOptions } from '@mailgrant/core';
import { isGiven, isRecord, problem, type Problem } from '../problems.ts';

type OfCore = Exclude<keyof MailerOptions, 'token'>;
type Kind = 'text' | 'number' | 'figures' | 'certificates' | 'provider';

/** Settings that core's mailer takes as they are. */
const KINDS: Readonly<Record<OfCore, Kind>> = {
  provider: 'provider',
  host: 'text',
  port: 'number',
  tls: 'text',
  ca: 'certificates',
  user: 'text',
  name: 'text',
  timeouts: 'figures',
  idleTimeout: 'number',
  maxAge: 'number',
  limits: 'figures',
  retries: 'number',
  retryDelay: 'number',
  wire: 'text',
  queue: 'figures',
};

export const OF_CORE: readonly OfCore[] = Object.keys(KINDS) as OfCore[];

const FITS: Readonly<Record<Kind, (value: unknown) => boolean>> = {
  text: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  figures: (value) => isRecord(value) && Object.values(value).every(isPlain),
  certificates: (value) =>
    [value].flat().every((each: unknown) => typeof each === 'string' || each instanceof Uint8Array),
  provider: (value) => typeof value === 'string' || (isRecord(value) && isRecord(value['limits'])),
};

const EXPECTED: Readonly<Record<Kind, string>> = {
  text: 'expected text',
  number: 'expected a number',
  figures: 'expected an object with numbers',
  certificates: 'expected certificates as text (PEM)',
  provider: "expected the name of a service, such as 'microsoft365', or a description of one",
};

const isPlain = (value: unknown): boolean => ['number', 'string', 'undefined'].includes(typeof value);

/** Settings of the wrong kind. Core need not be asked about them. */
export function checkKinds(settings: Readonly<Record<string, unknown>>, path: Problem['path']): Problem[] {
  return OF_CORE.flatMap((name) => {
    const kind = KINDS[name];
    if (!isGiven(settings[name]) || FITS[kind](settings[name])) return [];
    return [problem([...path, name], EXPECTED[kind])];
  });
}
