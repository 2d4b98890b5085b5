import type { Ui } from '../surface/page.ts';
import { TEXTS } from '../texts.ts';
import { html, type Markup, render } from './html.ts';

export interface DocumentParts {
  title: string;
  body: Markup;
  /** Something on the page is wrong: the title says so first, as screen readers read it first. */
  hasProblem?: boolean;
  usesPasskeys?: boolean;
  /** A script of ours that the page asks for. */
  script?: string;
}

/** The operator's logo, or Latchkey's mark, with the name. */
export function brandMark(ui: Ui): Markup {
  const { name, logo } = ui.brand;
  const picture = logo !== null && 'url' in logo ? logo.url : ui.asset('logo');
  const shown = logo === null ? ui.asset('mark.svg') : picture;
  if (logo !== null) return html`<img class="brand-logo" src=${shown} alt=${name} height="28" />`;
  return html`<span class="brand-mark" aria-hidden="true"></span><span class="brand-name">${name}</span>`;
}

export function drawDocument(ui: Ui, parts: DocumentParts): string {
  const { title, body, hasProblem = false, usesPasskeys = false, script = usesPasskeys ? 'passkeys.js' : null } = parts;
  const sheets = ['tokens.css', 'pages.css', 'brand.css'].flatMap((name) => ui.asset(name) ?? []);
  return render(html`
    <html lang=${TEXTS.language}>
      <head>
        <meta charset="utf-8" />
        <title>${hasProblem ? TEXTS.errors.title(title) : title} · ${ui.brand.name}</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <link rel="icon" href=${ui.asset('icon.svg')} type="image/svg+xml" />
        ${sheets.map((href) => html`<link rel="stylesheet" href=${href} />`)}
        ${script !== null && html`<script type="module" src=${ui.asset(script)} />`}
      </head>
      ${body}
    </html>
  `);
}
