import { BeforeMailSend, type Mail, type MailEvents, OnMailEvent } from '../../src/index.ts';
import { Injectable, Logger } from '@nestjs/common';

@Injectable()
export class MailWatch {
  private readonly logger = new Logger('Mail');

  @OnMailEvent('failed')
  failed({ client, template, error }: MailEvents['failed']): void {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    this.logger.error(`${client} could not send ${template ?? 'a mail'}: ${code}`);
  }

  @BeforeMailSend({ mailer: 'newsletter' })
  unsubscribe(mail: Mail): Mail {
    return { ...mail, list: { unsubscribe: 'https://contoso.com/unsubscribe' } };
  }
}
