import { html, MailModule, mailOptionsFromEnv, MailService } from '../../src/index.ts';
import { Injectable, Module } from '@nestjs/common';

@Injectable()
export class Orders {
  constructor(private readonly mail: MailService) {}

  async confirm(to: string, name: string): Promise<void> {
    await this.mail.send({ to, subject: 'Your order', html: html`<p>Thank you, ${name}!</p>` });
  }
}

@Module({
  imports: [MailModule.forRootAsync({ useFactory: () => mailOptionsFromEnv() })],
  providers: [Orders],
})
export class AppModule {}
