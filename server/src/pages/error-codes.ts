import { ERRORS, type ErrorCode, GENERAL_CODES, isErrorCode } from '@latchkey/protocol';
import { type Route, route } from '../http/index.ts';
import { CURES } from './cures.ts';
import { brandMark, drawDocument } from './look/document.ts';
import { html, type Markup } from './look/html.ts';
import { type PagesDeps, plainUi } from './surface/page.ts';
import { pageHeaders } from './surface/page-headers.ts';
import { TEXTS } from './texts.ts';

const texts = TEXTS.errorCodes;
const CODE = /`([^`]+)`/;
const LINK = /\[([^\]]+)\]\([^)]+\)/g;

/** The little Markdown that a cure is written in; the other documents are not served here, so their links are words. */
function marked(text: string): Markup {
  const parts = text.replace(LINK, '$1').split(CODE);
  return parts.map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part));
}

function entry(code: string, status: number, meaning: string, cure: string): Markup {
  return html`
    <li class="error-code" id=${code}>
      <h2><a href=${`#${code}`}><code>${code}</code></a> <span class="badge">${String(status)}</span></h2>
      <div>
        <p>${meaning}</p>
        <p class="section-lead">${marked(cure)}</p>
      </div>
    </li>
  `;
}

/** Every code of the catalogue, then those that LATCHKEY_ERROR_DETAIL=general tells in place of them. */
function entries(): Markup {
  const codes = Object.entries(ERRORS).map(([code, { status, message }]) =>
    entry(code, status, message, CURES[code as ErrorCode]),
  );
  const general = Object.entries(GENERAL_CODES).filter(([, code]) => !isErrorCode(code));
  return [
    ...codes,
    ...general.map(([status, code]) => entry(code, Number(status), texts.general(status), texts.generalCure)),
  ];
}

/** `/docs/errors`: where `docs_url` of an error leads. Made from the catalogue itself. */
export function errorCodesRoute(deps: PagesDeps): Route {
  const headers = pageHeaders(deps.brand);
  return route({
    method: 'GET',
    path: '/docs/errors',
    mounts: ['bare'],
    access: 'public',
    tag: 'meta',
    summary: 'What each error code means, and what to do',
    handler: ({ setHeader }) => {
      for (const [name, value] of Object.entries(headers)) setHeader(name, value);
      const ui = plainUi(deps);
      return drawDocument(ui, {
        title: texts.title,
        body: html`
          <body class="account">
            <header class="bar"><a class="brand" href=${ui.at('/')}>${brandMark(ui)}</a></header>
            <main>
              <h1>${texts.title}</h1>
              <p class="lead">${texts.lead}</p>
              <ul class="rows">${entries()}</ul>
            </main>
          </body>
        `,
      });
    },
  });
}
