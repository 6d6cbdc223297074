// One account as the client sees it: a mailer with a label.
import type { Mailer } from '@mailgrant/core';

/** What mails go out through. */
export interface Sender {
  /** As results and events name it; `undefined` for a mailer that was passed in. */
  readonly account: string | undefined;
  readonly mailer: Mailer;
  /** Who mails are from that name nobody. */
  readonly from: string | undefined;
  /** Whether closing the client closes the mailer. */
  readonly owned: boolean;
}
