import { defineMail } from '@mailgrant/mail';
import { render } from '@react-email/render';

export interface Receipt {
  readonly name: string;
  readonly items: readonly { readonly title: string; readonly price: string }[];
}

function ReceiptMail({ name, items }: Receipt) {
  return (
    <html lang="en">
      <body style={{ fontFamily: 'Segoe UI, sans-serif' }}>
        <p>Dear {name},</p>
        <ul>
          {items.map(({ title, price }) => (
            <li key={title}>
              {title}: {price}
            </li>
          ))}
        </ul>
      </body>
    </html>
  );
}

export const receipt = defineMail<Receipt>({
  name: 'receipt',
  subject: ({ items }) => `Your receipt for ${items.length} items`,
  render: (props) => render(<ReceiptMail {...props} />),
  preview: { name: 'Ada', items: [{ title: 'Slide rule', price: '€ 12' }] },
});
