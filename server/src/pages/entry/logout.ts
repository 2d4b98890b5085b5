import { endedCookieLine, endSession, requirePerson } from '../../accounts/index.ts';
import { Failure } from '../../failure.ts';
import type { PageRoute } from '../../http/index.ts';
import { type LogoutOutcome, readParameters } from '../../oauth/index.ts';
import { entryPage } from '../look/entry-page.ts';
import { form } from '../look/form.ts';
import { html } from '../look/html.ts';
import { type Answer, type Asked, type Pages, type PagesDeps, plainUi, seeOther } from '../surface/page.ts';
import { TEXTS } from '../texts.ts';

const texts = TEXTS.logout;
const PATH = '/oauth/logout';
const CONFIRM = '/oauth/logout/confirm';
const LONGEST_QUERY = 12_000;

type Back = Extract<LogoutOutcome, { kind: 'over' }>['back'];

function drawRefused({ ui }: Asked, { why }: Extract<LogoutOutcome, { kind: 'refused' }>): Answer {
  const document = entryPage(ui, {
    title: texts.refusedTitle,
    lead: texts.refusedLead,
    body: html`
      <div class="makers">
        <h2>${TEXTS.authorizeErrors.forMakers}</h2>
        <p><code>invalid_request</code>: ${texts.makers[why]}</p>
      </div>
      <p class="actions"><a class="button secondary" href=${ui.at('/account')}>${texts.toAccount}</a></p>
    `,
  });
  return { document, status: 400 };
}

function drawOver({ ui }: Asked, back: Back): Answer {
  const where =
    back && html`<a class="button primary" href=${back.location}>${texts.backTo(back.application.name)}</a>`;
  const document = entryPage(ui, {
    title: texts.overTitle,
    lead: texts.over,
    body: html`
      <div class="actions">
        ${where}<a class="button secondary" href=${ui.at('/sign-in')}>${texts.signIn}</a>
      </div>
    `,
  });
  return { document };
}

/** The question before somebody is signed out who has not asked for it (security E7). */
async function drawQuestion({ people }: PagesDeps, { ui, query, session }: Asked, back: Back): Promise<Answer> {
  const names = ['client_id', 'id_token_hint', 'post_logout_redirect_uri', 'state'];
  const email = session && (await requirePerson(people, session.userId)).email;
  const document = entryPage(ui, {
    title: texts.title,
    lead: texts.lead(back?.application.name ?? null),
    body: form(ui, {
      action: CONFIRM,
      className: 'decision',
      hidden: Object.fromEntries(names.map((name) => [name, query.get(name)])),
      children: html`
        <button class="primary" type="submit">${texts.signOut}</button>
        <a class="button secondary" href=${ui.at('/account')}>${texts.stay}</a>
      `,
    }),
    foot: email && html`${texts.signedInAs} <bdi>${email}</bdi>.`,
  });
  return { document, needs: { leadsTo: back?.location ?? null } };
}

async function end({ people }: PagesDeps, asked: Asked, back: Back): Promise<Answer> {
  const { session, visit, ui } = asked;
  if (session !== null) {
    await endSession(people, visit, { userId: session.userId, sessionId: session.id }, session.id).catch(
      (error: unknown) => {
        if (!(error instanceof Failure) || error.code !== 'not_found') throw error;
      },
    );
    asked.setCookieLine(endedCookieLine(people.issuer()));
  }
  return { goTo: back?.location ?? ui.at('/sign-in?done=signed_out') };
}

/** Signing out at the request of an application (OpenID Connect RP-Initiated Logout). */
export function logoutPages(deps: PagesDeps, { open }: Pages): PageRoute[] {
  const read = (asked: Asked, fields: URLSearchParams) =>
    deps.oauth.readLogout(readParameters(fields), { userId: asked.session?.userId ?? null, address: asked.address });
  return [
    open('GET', PATH, async (asked) => {
      const outcome = await read(asked, asked.query);
      if (outcome.kind === 'refused') return drawRefused(asked, outcome);
      if (outcome.kind === 'ask') return drawQuestion(deps, asked, outcome.back);
      return outcome.kind === 'end' ? end(deps, asked, outcome.back) : drawOver(asked, outcome.back);
    }),
    {
      // §2: an application may also send a form. It brings no cookies along, so it is asked again by GET.
      method: 'POST',
      path: PATH,
      fromAnywhere: true,
      handler: ({ query, form: fields }) => {
        const all = new URLSearchParams([...query, ...fields]).toString();
        if (all.length > LONGEST_QUERY) throw new Failure('payload_too_large');
        return seeOther(`${plainUi(deps).at(PATH)}?${all}`);
      },
    },
    open('POST', CONFIRM, async (asked) => {
      const outcome = await read(asked, asked.form);
      return outcome.kind === 'refused' ? drawRefused(asked, outcome) : end(deps, asked, outcome.back);
    }),
  ];
}
