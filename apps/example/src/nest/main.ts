// A NestJS application that sends mail: node apps/example/dist/nest/main.js, with MAIL_USER, MAIL_TENANT_ID, MAIL_CLIENT_ID
// and MAIL_CLIENT_SECRET set. Then: curl -X POST localhost:3000/orders -d email=… -d name=…
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.ts';

const app = await NestFactory.create(AppModule.with());
app.enableShutdownHooks(); // Ctrl-C and SIGTERM let requests finish and their mails go out
await app.listen(process.env['PORT'] ?? 3000);
console.log(`It listens at ${await app.getUrl()}`);
