// The configuration of the demo's worker, as one writes it; the demo says in the environment where to send.
import { clientCredentials, PROVIDERS } from '@mailgrant/core';
import { defineConfig, defineSchedule, mailboxOf } from '@mailgrant/worker';
import { readWorkerSettings } from './settings.ts';

const { dir, server, user, sender, to, ...application } = readWorkerSettings(process.env);

const digest = defineSchedule({
  id: 'digest',
  cron: '*/2 * * * * *', // every two seconds; people write '0 9 * * MON-FRI'
  timeZone: 'UTC',
  recipients: () => to,
  render: ({ recipient, occurrence }) => ({
    from: { name: 'Contoso Reports', address: sender },
    to: recipient,
    subject: `Digest of ${new Date(occurrence).toISOString().slice(11, 19)}`,
    text: 'Nothing happened in the last two seconds.\n',
  }),
});

export default defineConfig({
  store: { kind: 'embedded', dir },
  mailboxes: {
    noreply: mailboxOf({
      provider: 'microsoft365',
      ...server,
      user,
      token: clientCredentials({ ...application, scope: PROVIDERS.microsoft365.applicationScope ?? '' }),
      // A demo is in a hurry: Exchange Online takes 30 a minute, the sandbox counts nothing.
      limits: { messagesPerMinute: 600 },
    }),
  },
  schedules: [digest],
  http: { port: 0 },
});
