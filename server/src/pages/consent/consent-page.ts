import { listOwnWorkspaces, requirePerson } from '../../accounts/index.ts';
import type { Application } from '../../applications/index.ts';
import { Failure } from '../../failure.ts';
import { documentHost, type Outcome } from '../../oauth/index.ts';
import { entryPage } from '../look/entry-page.ts';
import { form, note } from '../look/form.ts';
import { html, type Markup } from '../look/html.ts';
import type { Answer, Asked, PagesDeps } from '../surface/page.ts';
import { CONSENT_PATH, consentPath } from '../surface/way-out.ts';
import { TEXTS } from '../texts.ts';
import { applicationMark, pictureOf, placeOf } from './application-mark.ts';
import { drawWorkspaceChoice } from './choices.ts';
import { scopeList, shownScopes } from './scope-list.ts';

const texts = TEXTS.consent;

/** Links that an application names for its people, if they lead to a web page. */
function links({ clientUri, policyUri, tosUri }: Application): Markup {
  const named = [
    [texts.site, clientUri],
    [texts.policy, policyUri],
    [texts.terms, tosUri],
  ] as const;
  const shown = named.flatMap(([text, uri]) => (uri !== null && /^https:\/\//i.test(uri) ? [{ text, uri }] : []));
  if (shown.length === 0) return null;
  return html`
    <ul class="ways">
      ${shown.map(({ text, uri }) => html`<li><a href=${uri} rel="noopener noreferrer" target="_blank">${text}</a></li>`)}
    </ul>
  `;
}

/** The site of a client that is described at its own address: all of it that is proven. */
function describedAt({ id }: Application): Markup {
  const host = documentHost(id);
  if (host === null) return null;
  return html`
    <div>
      <dt>${texts.describedAt}</dt>
      <dd><bdi>${host}</bdi></dd>
    </div>
  `;
}

/** Who asks: whether anybody vouched for them, and where the browser goes afterwards. */
function whoAsks(application: Application, redirectUri: string): Markup {
  const { kind, name } = placeOf(redirectUri);
  return html`
    <dl class="facts">
      <div>
        <dt>${texts.application}</dt>
        <dd>
          <bdi>${application.name}</bdi>
          <span class=${application.isSelfRegistered ? 'badge off' : 'badge on'}>
            ${application.isSelfRegistered ? texts.selfRegistered : texts.registered}
          </span>
        </dd>
      </div>
      ${describedAt(application)}
      <div>
        <dt>${texts.goesTo}</dt>
        <dd>${texts.places[kind](name)}</dd>
      </div>
    </dl>
  `;
}

/** The way to sign in as somebody else, and back to this question. */
export function otherAccountPath({ ui }: Pick<Asked, 'ui'>, request: string): string {
  return `${ui.at('/sign-in')}?again=1&return_to=${encodeURIComponent(consentPath(ui, request))}`;
}

export async function drawConsent(
  deps: PagesDeps,
  asked: Asked,
  { question, offer, terms }: Extract<Outcome, { kind: 'consent' }>,
): Promise<Answer> {
  const { ui, session, query } = asked;
  if (session === null) throw new Failure('invalid_token');
  const { text, application, request } = question;
  const { email } = await requirePerson(deps.people, session.userId);
  const own = await listOwnWorkspaces(deps.people, { userId: session.userId });
  const choosable = own.filter(({ isSuspended }) => !isSuspended);
  if (query.get('choose') === 'workspace') return drawWorkspaceChoice(asked, question, choosable);
  const workspace = own.find(({ id }) => id === offer.workspaceId)?.name ?? offer.workspaceId;
  const change = html`<a href=${`${consentPath(ui, text)}&choose=workspace`}>${texts.change}</a>`;
  const scopes = shownScopes(deps.people.catalogue, offer.scopes, offer.grant?.scopes ?? null);
  const isGrowing = scopes.some(({ isNew }) => isNew);
  const document = entryPage(ui, {
    title: isGrowing ? texts.moreTitle(application.name) : texts.title(application.name),
    mark: applicationMark(application),
    body: html`
      ${application.isSelfRegistered && note(texts.warning, 'warning')}
      ${whoAsks(application, request.redirectUri)}
      <h2 class="scopes-title">
        ${texts.mayIn} <bdi>${workspace}</bdi>${choosable.length > 1 && html` <span class="aside">${change}</span>`}
      </h2>
      ${scopeList(scopes)}
      ${form(ui, {
        action: CONSENT_PATH,
        className: 'decision',
        hidden: { request: text, terms },
        children: html`
          <button class="primary" type="submit" name="decision" value="allow">${texts.allow}</button>
          <button class="secondary" type="submit" name="decision" value="deny">${texts.deny}</button>
        `,
      })}
      <p class="hint">${texts.later}</p>
      ${links(application)}
    `,
    foot: html`${texts.signedInAs} <bdi>${email}</bdi>. <a href=${otherAccountPath(asked, text)}>${texts.notYou}</a>`,
  });
  return { document, needs: { leadsTo: request.redirectUri, picture: pictureOf(application) } };
}
