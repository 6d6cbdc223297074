// Terminus is an optional peer: this entry point is the only one that needs it.
import { Module } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { MailCoreModule } from '../mail-core-module.ts';
import { MailHealthIndicator } from './mail-health-indicator.ts';

/** Provides `MailHealthIndicator` for Terminus 11 and 12. Import it beside `TerminusModule`, where the health controller is. */
@Module({
  imports: [MailCoreModule],
  // Of our own, so that it does not matter whether and how TerminusModule is set up.
  providers: [HealthIndicatorService, MailHealthIndicator],
  exports: [MailHealthIndicator],
})
export class MailHealthModule {}
