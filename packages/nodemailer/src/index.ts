export { compose, type ComposedMail, type ComposeOptions } from './compose.ts';
export type { Mail } from './mail.ts';
