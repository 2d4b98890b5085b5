import { endedCookieLine, endOtherSessions, endSession, listOwnSessions, requirePerson } from '../../accounts/index.ts';
import { Failure } from '../../failure.ts';
import type { PageRoute } from '../../http/index.ts';
import { accountPage } from '../look/account-page.ts';
import { form, note } from '../look/form.ts';
import { html, type Markup } from '../look/html.ts';
import { moment } from '../look/time.ts';
import type { Answer, AskedByPerson, Pages, PagesDeps } from '../surface/page.ts';
import { TEXTS } from '../texts.ts';

const texts = TEXTS.sessions;
const DONE: Readonly<Record<string, string>> = texts.done;

type Session = Awaited<ReturnType<typeof listOwnSessions>>[number];

function row({ ui, signed }: AskedByPerson, each: Session): Markup {
  const isCurrent = each.id === signed.sessionId;
  const end = html`<button class="secondary" type="submit" aria-label=${texts.endOne(each.device)}>${texts.end}</button>`;
  const methods = (JSON.parse(each.methods) as string[]).map((method) => TEXTS.methods[method] ?? method).join(', ');
  return html`
    <li class="row">
      <div class="row-text">
        <h2>${each.device} ${isCurrent && html`<span class="badge on">${texts.current}</span>`}</h2>
        <p class="dotted"><span>${texts.seen} ${moment(each.seen_at)}</span><span>${each.address}</span></p>
        <p>${texts.since} ${moment(each.created_at)} ${texts.by(methods)}</p>
      </div>
      <div class="row-actions">
        ${!isCurrent && form(ui, { action: `/account/sessions/${each.id}/end`, children: end })}
      </div>
    </li>
  `;
}

async function draw({ people }: PagesDeps, asked: AskedByPerson): Promise<Answer> {
  const { ui, signed, query } = asked;
  const { email } = await requirePerson(people, signed.userId);
  const sessions = await listOwnSessions(people, signed);
  const [current, others] = [true, false].map((isCurrent) =>
    sessions.filter(({ id }) => (id === signed.sessionId) === isCurrent),
  );
  const all = [...(current ?? []), ...(others ?? [])];
  const done = DONE[query.get('done') ?? ''];
  const endOthers = html`<button class="danger" type="submit">${texts.endOthers}</button>`;
  const document = accountPage(ui, {
    title: texts.title,
    email,
    tab: 'sessions',
    lead: texts.lead,
    body: html`
      ${done && note(done)}
      <ul class="rows">${all.map((each) => row(asked, each))}</ul>
      ${
        all.length > 1 &&
        html`<div class="below">${form(ui, { action: '/account/sessions/end-others', children: endOthers })}</div>`
      }
    `,
  });
  return { document };
}

/** Where the person is signed in, and how to end it. */
export function sessionPages(deps: PagesDeps, { own }: Pages): PageRoute[] {
  const { people } = deps;
  return [
    own('GET', '/account/sessions', (asked) => draw(deps, asked)),
    own(
      'POST',
      '/account/sessions/:id/end',
      async (asked) => {
        const { signed, params, ui, visit } = asked;
        await endSession(people, visit, signed, params.id ?? '').catch((error: unknown) => {
          if (!(error instanceof Failure) || error.code !== 'not_found') throw error;
        });
        if (params.id !== signed.sessionId) return { goTo: ui.at('/account/sessions?done=ended') };
        asked.setCookieLine(endedCookieLine(people.issuer()));
        return { goTo: ui.at('/sign-in?done=signed_out') };
      },
      '/account/sessions',
    ),
    own(
      'POST',
      '/account/sessions/end-others',
      async ({ signed, visit, ui }) => {
        await endOtherSessions(people, visit, signed);
        return { goTo: ui.at('/account/sessions?done=others_ended') };
      },
      '/account/sessions',
    ),
  ];
}
