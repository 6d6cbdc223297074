export {
  MailHealthIndicator,
  type MailHealthDetails,
  type MailHealthOptions,
  type MailLoginOptions,
} from './mail-health-indicator.ts';
export { MailHealthModule } from './mail-health-module.ts';
export type { MailerReport, MailerStatus } from './mailer-report.ts';
