// What the demo sends. Composed by nodemailer, sent by Mailgrant.
import { readFile } from 'node:fs/promises';
import { compose, type ComposedMail, type Mail } from '@mailgrant/nodemailer';
import { type Target, UNKNOWN_RECIPIENT } from './target.ts';

export interface DemoMail extends ComposedMail {
  /** What this mail shows. */
  readonly title: string;
  readonly subject: string;
  /** What it is made of, in words. */
  readonly parts: string;
}

export async function composeMails(target: Target): Promise<DemoMail[]> {
  const mails = [reminder(target), await report(target)];
  // Exchange Online takes every well-formed recipient and bounces later; only the sandbox refuses one for us.
  if (target.sandbox !== undefined) mails.push(invitation(target));
  return Promise.all(
    mails.map(async ({ title, parts, ...mail }) => ({
      ...(await compose(mail)),
      title,
      parts,
      subject: mail.subject,
    })),
  );
}

type Draft = Mail & Pick<DemoMail, 'title' | 'subject' | 'parts'>;

function reminder({ sender, to }: Target): Draft {
  return {
    title: 'A text mail',
    parts: 'plain text',
    from: { name: 'Contoso Front Desk', address: sender },
    to: [...to],
    subject: 'Reminder: your appointment on Thursday at 10:30',
    text: `Good morning,

this is a reminder of your appointment on Thursday at 10:30 in room Oslo.

If you cannot come, please answer this mail or call us, so that somebody
else can have your time.

Contoso Front Desk
`,
  };
}

async function report({ sender, to }: Target): Promise<Draft> {
  const visits: readonly (readonly [day: string, count: number])[] = [
    ['Monday', 128],
    ['Tuesday', 164],
    ['Wednesday', 151],
    ['Thursday', 187],
    ['Friday', 142],
  ];
  const chart = await readFile(new URL('../assets/chart.png', import.meta.url));
  const total = visits.reduce((sum, [, count]) => sum + count, 0);
  const rows = visits.map(([day, count]) => `<tr><td>${day}</td><td align="right">${count}</td></tr>`).join('\n');
  const csv = ['day,visits', ...visits.map(([day, count]) => `${day},${count}`)].join('\r\n');
  return {
    title: 'An HTML mail with an attachment',
    parts: 'text and HTML, an inline image, visits.csv attached',
    from: { name: 'Contoso Reports', address: sender },
    to: [...to],
    subject: `Weekly report: ${total} visits`,
    text: `Visits last week\n\n${visits.map(([day, count]) => `${day.padEnd(12)}${count}`).join('\n')}\n\nTotal       ${total}\n`,
    html: `<!doctype html>
<html lang="en">
<body style="margin:0;padding:24px;font:15px/1.5 'Segoe UI',system-ui,sans-serif;color:#242424">
<h1 style="font-size:20px;margin:0 0 4px">Visits last week</h1>
<p style="margin:0 0 16px;color:#616161"><b>${total}</b> in all; Thursday was the busiest day.</p>
<img src="cid:chart" width="480" height="200" alt="Visits for each day, as a bar chart">
<table cellpadding="6" style="margin-top:16px;border-collapse:collapse;min-width:240px">
${rows}
</table>
<p style="margin:16px 0 0;color:#616161">The figures are attached as visits.csv.</p>
</body>
</html>
`,
    attachments: [
      { filename: 'chart.png', content: chart, cid: 'chart', contentDisposition: 'inline' },
      { filename: 'visits.csv', content: `${csv}\r\n` },
    ],
  };
}

function invitation({ sender, to }: Target): Draft {
  return {
    title: 'A mail to three, one of whom does not exist',
    parts: 'plain text',
    from: { name: 'Contoso Front Desk', address: sender },
    to: [...to, 'team@example.com'],
    bcc: UNKNOWN_RECIPIENT,
    subject: 'Room Oslo is booked for Thursday',
    text: 'Room Oslo is yours on Thursday from 10:00 to 11:00.\n',
  };
}
