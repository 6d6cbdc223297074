import { defineMail } from '@mailgrant/mail';
import Handlebars from 'handlebars';

export interface Reminder {
  readonly name: string;
  readonly appointments: readonly { readonly day: string; readonly room: string }[];
}

// {{name}} escapes; {{{name}}} would not.
const body = Handlebars.compile<Reminder>(
  '<p>Dear {{name}},</p><ul>{{#each appointments}}<li>{{day}} in room {{room}}</li>{{/each}}</ul>',
  { strict: true },
);

export const reminder = defineMail<Reminder>({
  name: 'reminder',
  subject: 'Your appointments',
  render: (props) => body(props),
  preview: { name: 'Ada', appointments: [{ day: 'Thursday', room: 'Oslo' }] },
});
