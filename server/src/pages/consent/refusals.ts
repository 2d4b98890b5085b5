import type { Outcome } from '../../oauth/index.ts';
import { entryPage } from '../look/entry-page.ts';
import { html, type Markup } from '../look/html.ts';
import type { Answer, Asked, PagesDeps, Ui } from '../surface/page.ts';
import { consentPath } from '../surface/way-out.ts';
import { TEXTS } from '../texts.ts';
import { applicationMark, placeOf } from './application-mark.ts';

const texts = TEXTS.authorizeErrors;
const LONGEST_DETAIL = 300;

/** What whoever made the application needs to know. */
function forMakers(error: string, what: string, detail: string | null): Markup {
  const shown = detail === null || detail.length <= LONGEST_DETAIL ? detail : `${detail.slice(0, LONGEST_DETAIL)}…`;
  return html`
    <div class="makers">
      <h2>${texts.forMakers}</h2>
      <p><code>${error}</code>: ${what}</p>
      ${shown !== null && html`<p><code>${shown}</code></p>`}
    </div>
  `;
}

/** Nobody to answer to: a page that says what to do (RFC 6749 §4.1.2.1). */
export function drawUnanswerable(ui: Ui, { why, error, detail }: Extract<Outcome, { kind: 'unanswerable' }>): Answer {
  const { title, lead, makers } = texts[why];
  return { document: entryPage(ui, { title, lead, body: forMakers(error, makers, detail) }), status: 400 };
}

/** An error that a self-registered application is told only if the person follows the link. */
export function drawRefused(ui: Ui, outcome: Extract<Outcome, { kind: 'refused' }>): Answer {
  const { application, error, description, link } = outcome;
  const { kind, name } = placeOf(link);
  const document = entryPage(ui, {
    title: texts.refusedTitle,
    mark: applicationMark(application),
    lead: texts.refusedLead(application.name),
    body: html`
      ${forMakers(error, description, null)}
      <p class="actions"><a class="button secondary" href=${link}>${texts.goBack(TEXTS.consent.places[kind](name))}</a></p>
    `,
  });
  return { document, status: 400 };
}

/** A request that was answered, is too old, or was begun elsewhere. */
export function drawGone(ui: Ui): Answer {
  const body = html`<p class="actions"><a class="button secondary" href=${ui.at('/account')}>${texts.toAccount}</a></p>`;
  return { document: entryPage(ui, { title: texts.goneTitle, lead: texts.goneLead, body }), status: 410 };
}

/** The person would, but cannot as things are. */
export function drawBlocked(
  _deps: PagesDeps,
  { ui }: Asked,
  { question, reason, link }: Extract<Outcome, { kind: 'blocked' }>,
): Answer {
  const { application, text } = question;
  const { title, lead, cure } = texts.blocked[reason];
  const back = consentPath(ui, text);
  const way = reason === 'second_factor_proof' ? `?return_to=${encodeURIComponent(back)}` : '';
  const again = html`<a class="button primary" href=${back}>${texts.tryAgain}</a>`;
  const document = entryPage(ui, {
    title,
    mark: applicationMark(application),
    lead: lead(application.name),
    body: html`
      <div class="actions">
        ${cure !== null && html`<a class="button primary" href=${`${ui.at(cure.path)}${way}`}>${cure.text}</a>`}
        ${cure === null && again}
        <a class="button secondary" href=${link}>${texts.backTo(application.name)}</a>
      </div>
    `,
  });
  return { document, status: 403 };
}
