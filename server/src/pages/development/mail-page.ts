import type { KeptMail } from '../../accounts/index.ts';
import { brandMark, drawDocument } from '../look/document.ts';
import { html, type Markup } from '../look/html.ts';
import { moment } from '../look/time.ts';
import { type PagesDeps, plainUi } from '../surface/page.ts';
import { pageHeaders } from '../surface/page-headers.ts';
import { TEXTS } from '../texts.ts';

const texts = TEXTS.devMail;
const LINK = /(https?:\/\/\S+)/;

/** A mail's text with its links to follow. Only links of this server: what people wrote stays text. */
function linked(text: string, issuer: string): Markup {
  return text.split(LINK).map((part) => (part.startsWith(`${issuer}/`) ? html`<a href=${part}>${part}</a>` : part));
}

/** `/dev/mail` for a browser: the mails that a development server kept, newest first. */
export function createMailPage(deps: PagesDeps): (mails: readonly KeptMail[]) => {
  headers: Readonly<Record<string, string>>;
  document: string;
} {
  const headers = pageHeaders(deps.brand);
  return (mails) => {
    const ui = plainUi(deps);
    const issuer = deps.people.issuer();
    const items = mails.map(
      ({ to, subject, text, sentAtMs }) => html`
        <li class="mail">
          <h2>${subject}</h2>
          <p class="hint">${texts.to} ${to} · ${moment(sentAtMs)}</p>
          <p class="mail-text">${linked(text.trim(), issuer)}</p>
        </li>
      `,
    );
    const document = drawDocument(ui, {
      title: texts.title,
      body: html`
        <body class="account">
          <header class="bar"><a class="brand" href=${ui.at('/')}>${brandMark(ui)}</a></header>
          <main>
            <h1>${texts.title}</h1>
            <p class="lead">${texts.lead}</p>
            ${mails.length === 0 ? html`<p class="empty">${texts.none}</p>` : html`<ul class="mails">${items}</ul>`}
          </main>
        </body>
      `,
    });
    return { headers, document };
  };
}
