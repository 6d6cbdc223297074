// The options as a Standard Schema (https://standardschema.dev): for configuration modules and form libraries.
import type { MailClientOptions } from '../mail-client.ts';
import { problemsOf } from '../options.ts';

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
