import type { Ui } from '../surface/page.ts';
import { TEXTS } from '../texts.ts';
import { brandMark, drawDocument } from './document.ts';
import { form } from './form.ts';
import { html, type Markup } from './html.ts';

export type AccountTab = 'security' | 'sessions' | 'applications' | 'workspaces';

const TABS: readonly (readonly [AccountTab, path: string])[] = [
  ['security', '/account'],
  ['sessions', '/account/sessions'],
  ['applications', '/account/applications'],
  ['workspaces', '/account/workspaces'],
];

export interface AccountPageParts {
  title: string;
  email: string;
  tab: AccountTab;
  lead?: Markup;
  body: Markup;
  /** A step within the tab: with a way back, and narrow. */
  isStep?: boolean;
  hasProblem?: boolean;
  usesPasskeys?: boolean;
}

function tabs(ui: Ui, current: AccountTab): Markup {
  return html`
    <nav class="tabs" aria-label=${TEXTS.account.navigation}>
      <ul>
        ${TABS.map(
          ([tab, path]) => html`
            <li><a href=${ui.at(path)} aria-current=${tab === current ? 'page' : undefined}>${TEXTS.account.tabs[tab]}</a></li>
          `,
        )}
      </ul>
    </nav>
  `;
}

function head(ui: Ui, email: string): Markup {
  const out = html`<button class="quiet" type="submit">${TEXTS.account.signOut}</button>`;
  return html`
    <header class="bar">
      <a class="brand" href=${ui.at('/account')}>${brandMark(ui)}</a>
      <div class="bar-person">
        <span class="bar-email" title=${email}>${email}</span>
        ${form(ui, { action: '/sign-out', children: out })}
      </div>
    </header>
  `;
}

/** A page of a signed-in person's account. */
export function accountPage(ui: Ui, parts: AccountPageParts): string {
  const { title, email, tab, lead, body, isStep = false, hasProblem = false, usesPasskeys = false } = parts;
  const back = TABS.find(([name]) => name === tab)?.[1] ?? '/account';
  return drawDocument(ui, {
    title,
    hasProblem,
    usesPasskeys,
    body: html`
      <body class="account">
        <a class="skip" href="#main">${TEXTS.account.skip}</a>
        ${head(ui, email)} ${tabs(ui, tab)}
        <main id="main" class=${isStep ? 'step' : undefined}>
          ${isStep && html`<p class="back"><a href=${ui.at(back)}>${TEXTS.account.back(TEXTS.account.tabs[tab])}</a></p>`}
          <h1>${title}</h1>
          ${lead && html`<p class="lead">${lead}</p>`} ${body}
        </main>
      </body>
    `,
  });
}
