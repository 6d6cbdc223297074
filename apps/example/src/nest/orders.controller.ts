import { html, MailService } from '@mailgrant/nestjs';
import { Body, Controller, HttpCode, Post } from '@nestjs/common';

interface Order {
  readonly email: string;
  readonly name: string;
}

@Controller('orders')
export class OrdersController {
  constructor(private readonly mail: MailService) {}

  /** Answers when the mail is on its way: `{ "accepted": ["guest@example.com"] }`. */
  @Post()
  @HttpCode(202)
  async order(@Body() { email, name }: Order): Promise<{ accepted: readonly string[] }> {
    const { accepted } = await this.mail.send({
      to: email,
      subject: 'Your order',
      html: html`<p>Dear ${name},</p>
        <p>thank you for your order.</p>`,
    });
    return { accepted };
  }
}
