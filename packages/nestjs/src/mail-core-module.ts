// What all mailers of an application share. Every MailModule brings it along.
import { Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { MailListenersExplorer } from './mail-listeners-explorer.ts';
import { MailRegistry } from './mail-registry.ts';

@Global()
@Module({ imports: [DiscoveryModule], providers: [MailRegistry, MailListenersExplorer], exports: [MailRegistry] })
export class MailCoreModule {}
