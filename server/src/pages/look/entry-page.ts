import type { Ui } from '../surface/page.ts';
import { brandMark, drawDocument } from './document.ts';
import { html, type Markup } from './html.ts';

export interface EntryPageParts {
  title: string;
  /** Stands before the heading: of whom the page speaks. */
  mark?: Markup;
  /** One sentence under the heading. */
  lead?: Markup;
  body: Markup;
  /** What stands below the card: the way to another page. */
  foot?: Markup;
  hasProblem?: boolean;
  usesPasskeys?: boolean;
}

/** A page with one thing to do: a card in the middle. */
export function entryPage(ui: Ui, parts: EntryPageParts): string {
  const { title, mark, lead, body, foot, hasProblem, usesPasskeys } = parts;
  return drawDocument(ui, {
    title,
    ...(hasProblem === undefined ? {} : { hasProblem }),
    ...(usesPasskeys === undefined ? {} : { usesPasskeys }),
    body: html`
      <body class="entry">
        <header class="entry-head">
          <a class="brand" href=${ui.at('/')}>${brandMark(ui)}</a>
        </header>
        <main class="card">
          ${mark}
          <h1>${title}</h1>
          ${lead && html`<p class="lead">${lead}</p>`}
          ${body}
        </main>
        ${foot && html`<footer class="entry-foot">${foot}</footer>`}
      </body>
    `,
  });
}
