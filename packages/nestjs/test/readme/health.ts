import { Controller, Get, Module } from '@nestjs/common';
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { MailHealthIndicator, MailHealthModule } from '../../src/health/index.ts';

@Controller('health')
class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly mail: MailHealthIndicator,
  ) {}

  @Get()
  @HealthCheck()
  check() {
    return this.health.check([() => this.mail.check()]);
  }
}

@Module({ imports: [TerminusModule, MailHealthModule], controllers: [HealthController] })
export class HealthModule {}
