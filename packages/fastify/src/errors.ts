// Mistakes in how the plugins are registered or used: errors Fastify's users recognise by their code.
import { createError, type FastifyErrorConstructor } from '@fastify/error';

type PluginError<Code extends string> = FastifyErrorConstructor<{ code: Code }, [unknown?, unknown?, unknown?]>;

/** Two mailers of one scope have the same name. */
export const MailerNameTakenError: PluginError<'FST_MAIL_NAME_TAKEN'> = createError(
  'FST_MAIL_NAME_TAKEN',
  "there is a mailer '%s' in this scope already: register the second one under a name of its own (name: '…')",
);

/** The options of the plugin do not fit together. */
export const MailOptionsError: PluginError<'FST_MAIL_OPTIONS'> = createError('FST_MAIL_OPTIONS', '%s');

/** With `verifyOnReady: 'fail'`: a mailer could not log in. `cause` is why. */
export const MailVerificationError: PluginError<'FST_MAIL_VERIFICATION'> = createError(
  'FST_MAIL_VERIFICATION',
  "the mailer '%s' could not log in: %s",
);

/** The options of `@mailgrant/fastify/connect` are not in order. */
export const ConnectOptionsError: PluginError<'FST_MAIL_CONNECT_OPTIONS'> = createError(
  'FST_MAIL_CONNECT_OPTIONS',
  'connect: %s',
);
