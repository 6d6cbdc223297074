import { defineMail, html } from '@mailgrant/mail';
import mjml2html from 'mjml';

export interface Welcome {
  readonly name: string;
  readonly url: string;
}

export const welcome = defineMail<Welcome>({
  name: 'welcome',
  subject: ({ name }) => `Welcome, ${name}`,
  async render({ name, url }) {
    // MJML is markup like HTML, so the same tag escapes for it.
    const source = html`<mjml>
      <mj-body>
        <mj-section>
          <mj-column>
            <mj-text>Welcome, ${name}!</mj-text>
            <mj-button href="${url}">Begin</mj-button>
          </mj-column>
        </mj-section>
      </mj-body>
    </mjml>`;
    const { html: content } = await mjml2html(source.content, { validationLevel: 'strict' });
    return content;
  },
  preview: { name: 'Ada', url: 'https://contoso.com/begin' },
});
