import { listOwnWorkspaces, personActor, requirePerson } from '../../accounts/index.ts';
import type { Application } from '../../applications/index.ts';
import { Failure } from '../../failure.ts';
import type { PageRoute } from '../../http/index.ts';
import { documentHost, type Grant, isDocumentUrl } from '../../oauth/index.ts';
import { placeOf } from '../consent/application-mark.ts';
import { scopeList, shownScopes } from '../consent/scope-list.ts';
import { accountPage } from '../look/account-page.ts';
import { form, note } from '../look/form.ts';
import { html, type Markup } from '../look/html.ts';
import { moment } from '../look/time.ts';
import type { Answer, AskedByPerson, Pages, PagesDeps } from '../surface/page.ts';
import { TEXTS } from '../texts.ts';

const texts = TEXTS.applications;
const DONE: Readonly<Record<string, string>> = texts.done;
const MOST_LISTED = 200;

interface Shown {
  grant: Grant;
  application: Application | null;
  workspace: string;
}

function row({ people }: PagesDeps, { ui }: AskedByPerson, { grant, application, workspace }: Shown): Markup {
  // One that is described elsewhere is not read for this list: its host says who it is.
  const name = application?.name ?? documentHost(grant.clientId) ?? texts.gone;
  const scopes = shownScopes(people.catalogue, grant.scopes, null);
  // Two may have one name: where each sends its people tells them apart.
  const [redirectUri] = application?.redirectUris ?? [];
  const place = redirectUri === undefined ? null : placeOf(redirectUri);
  const withdraw = html`<button class="secondary" type="submit" aria-label=${texts.withdrawFrom(name)}>${texts.withdraw}</button>`;
  return html`
    <li class="row">
      <div class="row-text">
        <h2>
          <bdi>${name}</bdi>
          ${(application?.isSelfRegistered ?? isDocumentUrl(grant.clientId)) && html` <span class="badge off">${texts.selfRegistered}</span>`}
        </h2>
        ${place !== null && html`<p><bdi>${TEXTS.consent.places[place.kind](place.name)}</bdi></p>`}
        <p><bdi>${texts.in(workspace)}</bdi></p>
        <p class="dotted">
          <span>${grant.lastUsedAtMs === null ? texts.unused : html`${texts.used} ${moment(grant.lastUsedAtMs)}`}</span>
          <span>${texts.since} ${moment(grant.createdAtMs)}</span>
        </p>
        <details>
          <summary>${texts.may(scopes.length)}</summary>
          ${scopeList(scopes)}
        </details>
      </div>
      <div class="row-actions">
        ${form(ui, { action: `/account/applications/${grant.id}/withdraw`, children: withdraw })}
      </div>
    </li>
  `;
}

async function shown({ people, oauth }: PagesDeps, { signed }: AskedByPerson): Promise<Shown[]> {
  const own = new Map((await listOwnWorkspaces(people, signed)).map(({ id, name }) => [id, name]));
  const filter = { workspaceId: null, environment: null, userId: signed.userId, clientId: null };
  const grants = await oauth.grants.list(filter, { beforeId: null, limit: MOST_LISTED });
  return Promise.all(
    grants.map(async (grant) => ({
      grant,
      application: await oauth.findApplication(grant.clientId),
      workspace: own.get(grant.workspaceId) ?? grant.workspaceId,
    })),
  );
}

async function draw(deps: PagesDeps, asked: AskedByPerson): Promise<Answer> {
  const { ui, signed, query } = asked;
  const { email } = await requirePerson(deps.people, signed.userId);
  const all = await shown(deps, asked);
  const done = DONE[query.get('done') ?? ''];
  const document = accountPage(ui, {
    title: texts.title,
    email,
    tab: 'applications',
    lead: texts.lead,
    body: html`
      ${done && note(done)}
      ${
        all.length === 0
          ? html`<p class="empty">${texts.none}</p>`
          : html`<ul class="rows">${all.map((each) => row(deps, asked, each))}</ul>`
      }
    `,
  });
  return { document };
}

/** What the person let act for them, when it last did, and the way to end it. */
export function applicationPages(deps: PagesDeps, { own }: Pages): PageRoute[] {
  const path = '/account/applications';
  return [
    own('GET', path, (asked) => draw(deps, asked)),
    own(
      'POST',
      `${path}/:id/withdraw`,
      async ({ signed, params, visit, ui }) => {
        const actor = personActor(visit, signed.userId);
        const isOwn = ({ userId }: Grant) => userId === signed.userId;
        await deps.oauth.revokeGrant(actor, params.id ?? '', isOwn).catch((error: unknown) => {
          if (!(error instanceof Failure) || error.code !== 'not_found') throw error;
        });
        return { goTo: ui.at(`${path}?done=withdrawn`) };
      },
      path,
    ),
  ];
}
