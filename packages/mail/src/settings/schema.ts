// The options as a Standard Schema (https://standardschema.dev): for configuration modules and form libraries.
import type { MailClientOptions } from '../mail-client.ts';
import { problemsOf } from '../options.ts';
import { isRecord } from '../problems.ts';
import { type MailEnv, type MailEnvOptions, readEnv } from './options-from-env.ts';

/** What the specification says, so that no package is needed for it. */
export interface StandardSchemaV1<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

export interface StandardIssue {
  readonly message: string;
  readonly path?: readonly PropertyKey[] | undefined;
}

/** The options of a mail client. Every issue names an option, none repeats a value. */
export const mailOptionsSchema: StandardSchemaV1<unknown, MailClientOptions> = {
  '~standard': {
    version: 1,
    vendor: 'mailgrant',
    validate(value) {
      const issues = problemsOf(value);
      return issues.length > 0 ? { issues } : { value: value as MailClientOptions };
    },
  },
};

/**
 * A schema for a whole environment, for modules that check one when the application starts. It looks at the variables of the
 * prefix and hands everything on as it came; `mailOptionsFromEnv()` makes options of it.
 */
export function mailEnvSchema(options: MailEnvOptions = {}): StandardSchemaV1<unknown, MailEnv> {
  return {
    '~standard': {
      version: 1,
      vendor: 'mailgrant',
      validate(value) {
        if (!isRecord(value)) return { issues: [{ message: 'expected an environment: names and their values' }] };
        const { problems } = readEnv(value as MailEnv, options);
        return problems.length > 0 ? { issues: problems } : { value: value as MailEnv };
      },
    },
  };
}
