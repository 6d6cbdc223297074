// One account as the client sees it: a mailer with a label.
import type { Mailer } from '@mailgrant/core';

/** What mails go out through. */
export interface Sender {
  /** As results and events name it; `undefined` for a mailer that was passed in. */
  readonly account: string | undefined;
  readonly mailer: Mailer;
  /** The mailbox it logs in as, where it always is the same. */
  readonly user: string | undefined;
  /** Whether closing the client closes the mailer. */
  readonly owned: boolean;
}
