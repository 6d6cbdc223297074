// What the outbox is called inside the injector. Of the global registry, so that two copies of this package agree.
import { Inject } from '@nestjs/common';

const OUTBOX: unique symbol = Symbol.for('@mailgrant/nestjs:outbox');

/** The injection token of the outbox, for `overrideProvider()`, `inject: [...]` and `app.get()`. */
export function getOutboxToken(): symbol {
  return OUTBOX;
}

/** Injects the outbox: `constructor(@InjectOutbox() private readonly outbox: Outbox)`. */
export function InjectOutbox(): PropertyDecorator & ParameterDecorator {
  return Inject(OUTBOX);
}
