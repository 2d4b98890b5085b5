import { type OwnAccount, readOwnAccount, type SessionRecord } from '../../accounts/index.ts';
import type { PageRoute } from '../../http/index.ts';
import { accountPage } from '../look/account-page.ts';
import { form, note } from '../look/form.ts';
import { html, type Markup } from '../look/html.ts';
import { day } from '../look/time.ts';
import type { AskedByPerson, Pages, PagesDeps, Ui } from '../surface/page.ts';
import { TEXTS } from '../texts.ts';

const texts = TEXTS.security;
const DONE: Readonly<Record<string, string>> = texts.done;

interface RowParts {
  name: Markup;
  detail: Markup;
  state?: Markup;
  actions: Markup;
}

/** One thing that protects the account: what it is, how it stands, what can be done. */
function row({ name, detail, state, actions }: RowParts): Markup {
  return html`
    <li class="row">
      <div class="row-text">
        <h3>${name} ${state}</h3>
        <p>${detail}</p>
      </div>
      <div class="row-actions">${actions}</div>
    </li>
  `;
}

const on = html`<span class="badge on">${texts.on}</span>`;
const link = (ui: Ui, path: string, text: string, about: string) =>
  html`<a class="button secondary" href=${ui.at(path)} aria-label=${`${text}: ${about}`}>${text}</a>`;

function button(ui: Ui, action: string, text: string, about: string): Markup {
  const children = html`<button class="secondary" type="submit" aria-label=${`${text}: ${about}`}>${text}</button>`;
  return form(ui, { action, children });
}

function nameRows(ui: Ui, { person }: OwnAccount): Markup {
  const { name, none } = texts.person;
  const action = person.name === null ? texts.add : texts.change;
  return html`
    <ul class="rows">
      ${row({ name, detail: person.name ?? none, actions: link(ui, '/account/name', action, name) })}
    </ul>
  `;
}

function signInRows(ui: Ui, { person }: OwnAccount): Markup {
  const isVerified = person.email_verified === 1;
  const unverified = html`<span class="badge off">${texts.email.unverified}</span>`;
  return html`
    <ul class="rows">
      ${row({
        name: texts.email.name,
        detail: person.email,
        state: isVerified ? null : unverified,
        actions: html`
          ${!isVerified && button(ui, '/account/email/verification', texts.email.verify, texts.email.name)}
          ${link(ui, '/account/email', texts.change, texts.email.name)}
        `,
      })}
      ${row({
        name: texts.password.name,
        detail: person.password_hash === null ? texts.password.none : texts.password.set,
        actions: link(
          ui,
          '/account/password',
          person.password_hash === null ? texts.add : texts.change,
          texts.password.name,
        ),
      })}
    </ul>
  `;
}

function codesDetail({ backupCodesLeft }: OwnAccount): string {
  return backupCodesLeft === 0 ? texts.codes.none : texts.codes.left(backupCodesLeft);
}

function factorRows(ui: Ui, account: OwnAccount): Markup {
  const { totpSinceMs, passkeys } = account;
  const hasFactor = totpSinceMs !== null || passkeys.length > 0;
  const { app, codes } = texts;
  return html`
    <ul class="rows">
      ${row({
        name: app.name,
        detail: totpSinceMs === null ? app.none : app.since(day(totpSinceMs)),
        state: totpSinceMs === null ? null : on,
        actions:
          totpSinceMs === null
            ? button(ui, '/account/authenticator', texts.setUp, app.name)
            : link(ui, '/account/authenticator/remove', texts.remove, app.name),
      })}
      ${
        hasFactor &&
        row({
          name: codes.name,
          detail: codesDetail(account),
          actions: link(ui, '/account/backup-codes', codes.renew, codes.name),
        })
      }
    </ul>
  `;
}

function passkeyRows(ui: Ui, { passkeys }: OwnAccount): Markup {
  const { passkey } = texts;
  const flagged = html`<span class="badge off">${passkey.flagged}</span>`;
  const rows = passkeys.map((each) => {
    const used = each.last_used_at === null ? passkey.unused : passkey.used(day(each.last_used_at));
    return row({
      name: each.name,
      detail: html`${passkey.added(day(each.created_at))} ${used}`,
      state: each.flagged_at === null ? null : flagged,
      actions: link(ui, `/account/passkeys/${each.id}`, texts.edit, each.name),
    });
  });
  return html`
    <ul class="rows">
      ${rows}
      ${row({
        name: passkeys.length === 0 ? passkey.noneName : passkey.addName,
        detail: passkey.what,
        actions: link(ui, '/account/passkeys/new', texts.add, passkey.short),
      })}
    </ul>
  `;
}

/** What keeps the person from working in the session's workspace. */
function blockedNote(ui: Ui, { blockedBy }: SessionRecord): Markup {
  if (blockedBy === null) return null;
  if (blockedBy !== 'second_factor_proof') return note(texts.blocked[blockedBy], 'warning');
  const way = html`<a href=${ui.at('/account/proof')}>${TEXTS.proof.title}</a>`;
  return note(html`${texts.blocked[blockedBy]} ${way}`, 'warning');
}

function draw({ ui, query, session }: AskedByPerson, account: OwnAccount): string {
  const done = DONE[query.get('done') ?? ''];
  const section = (title: string, about: string, rows: Markup) =>
    html`<section><h2>${title}</h2><p class="section-lead">${about}</p>${rows}</section>`;
  const { person } = account;
  return accountPage(ui, {
    title: texts.title,
    email: person.email,
    tab: 'security',
    lead: person.name === null ? texts.lead : texts.leadFor(person.name),
    body: html`
      ${done && note(done)} ${blockedNote(ui, session)}
      ${section(texts.person.title, texts.person.about, nameRows(ui, account))}
      ${section(texts.signInTitle, texts.signInAbout, signInRows(ui, account))}
      ${section(texts.passkey.title, texts.passkey.about, passkeyRows(ui, account))}
      ${section(texts.factorTitle, texts.factorAbout, factorRows(ui, account))}
    `,
  });
}

/** What protects the account, at a glance. */
export function securityPages({ people }: PagesDeps, { own }: Pages): PageRoute[] {
  return [
    own('GET', '/account', async (asked) => ({ document: draw(asked, await readOwnAccount(people, asked.signed)) })),
  ];
}
