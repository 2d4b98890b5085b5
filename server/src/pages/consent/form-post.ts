import type { AuthorizationResponse } from '../../oauth/index.ts';
import { drawDocument } from '../look/document.ts';
import { html } from '../look/html.ts';
import type { Answer, Asked } from '../surface/page.ts';
import { TEXTS } from '../texts.ts';

const texts = TEXTS.formPost;

/** Form Post Response Mode §2: a form to the application that a script sends; a button where there is none (security A24). */
export function drawFormPost(
  { ui }: Asked,
  { action, fields }: Extract<AuthorizationResponse, { mode: 'form_post' }>,
): Answer {
  const document = drawDocument(ui, {
    title: texts.title,
    script: 'form-post.js',
    body: html`
      <body class="entry">
        <main class="card">
          <h1>${texts.title}</h1>
          <form method="post" action=${action}>
            ${fields.map(([name, value]) => html`<input type="hidden" name=${name} value=${value} />`)}
            <button class="primary" type="submit">${texts.submit}</button>
          </form>
        </main>
      </body>
    `,
  });
  return { document, needs: { leadsTo: action } };
}
