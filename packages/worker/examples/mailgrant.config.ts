// A worker's configuration to begin with. Run it with: mailgrant-worker run
// Node.js runs it as it is (22.18 or later): types are taken away, nothing is translated, so no enum and no namespace.
import { clientCredentials, PROVIDERS } from '@mailgrant/core';
import { defineConfig, defineSchedule, mailboxOf, type StoreOptions } from '@mailgrant/worker';

const { MAILGRANT_TENANT_ID, MAILGRANT_CLIENT_ID, MAILGRANT_CLIENT_SECRET, MAILGRANT_USER, DATABASE_URL } = process.env;
if (!MAILGRANT_TENANT_ID || !MAILGRANT_CLIENT_ID || !MAILGRANT_CLIENT_SECRET || !MAILGRANT_USER) {
  throw new Error('set MAILGRANT_TENANT_ID, MAILGRANT_CLIENT_ID, MAILGRANT_CLIENT_SECRET and MAILGRANT_USER');
}

// One machine needs nothing but a directory; several workers share a PostgreSQL database.
const store: StoreOptions =
  DATABASE_URL === undefined
    ? { kind: 'embedded', dir: process.env['STATE_DIRECTORY'] ?? './mail' }
    : { kind: 'postgres', url: DATABASE_URL };

interface Reader {
  readonly id: number;
  readonly email: string;
  readonly name: string;
}

/** In place of your database. */
async function* readers(): AsyncGenerator<Reader> {
  yield { id: 1, email: 'ada@example.org', name: 'Ada' };
  yield { id: 2, email: 'grace@example.org', name: 'Grace' };
}

const digest = defineSchedule({
  id: 'digest',
  cron: '0 9 * * MON-FRI',
  timeZone: 'Europe/Berlin',
  recipients: readers, // told apart by their `id`, should the occurrence be interrupted
  render: ({ recipient, occurrence }) => ({
    from: MAILGRANT_USER,
    to: recipient.email,
    subject: `News of ${new Date(occurrence).toDateString()}`,
    text: `Good morning ${recipient.name},\n\nthere is nothing new.\n`,
  }),
  missed: 'once', // a worker that was down at nine sends when it is back,
  missedGrace: 6 * 3_600_000, // within six hours
  expiresAfter: 12 * 3_600_000,
});

export default defineConfig({
  store,
  mailboxes: {
    noreply: mailboxOf({
      provider: 'microsoft365',
      user: MAILGRANT_USER,
      token: clientCredentials({
        tokenEndpoint: `https://login.microsoftonline.com/${MAILGRANT_TENANT_ID}/oauth2/v2.0/token`,
        clientId: MAILGRANT_CLIENT_ID,
        clientSecret: MAILGRANT_CLIENT_SECRET,
        scope: PROVIDERS.microsoft365.applicationScope ?? '',
      }),
    }),
  },
  schedules: [digest],
  onInDoubt: 'resend',
  http: { port: 9464 },
  log: { level: 'info' },
});
