import {
  acceptAsPerson,
  declineAsPerson,
  listOwnInvitations,
  listOwnWorkspaces,
  type OwnWorkspace,
  type People,
  requirePerson,
  type SignedIn,
  switchSession,
  type Visit,
} from '../../accounts/index.ts';
import type { PageRoute } from '../../http/index.ts';
import { accountPage } from '../look/account-page.ts';
import { form, note, wholeProblem } from '../look/form.ts';
import { html, type Markup } from '../look/html.ts';
import { moment } from '../look/time.ts';
import type { Answer, AskedByPerson, Pages, PagesDeps } from '../surface/page.ts';
import { type Problem, problemOf, withProblem } from '../surface/problem.ts';
import { TEXTS } from '../texts.ts';

const texts = TEXTS.workspaces;
const PATH = '/account/workspaces';
const DONE: Readonly<Record<string, string>> = texts.done;

function row({ ui, session }: AskedByPerson, { id, name, role, isSuspended }: OwnWorkspace): Markup {
  const isCurrent = id === session.principal.workspaceId;
  const go = html`<button class="secondary" type="submit" aria-label=${texts.switchTo(name)}>${texts.switch}</button>`;
  return html`
    <li class="row">
      <div class="row-text">
        <h3>
          ${name} ${isCurrent && html`<span class="badge on">${texts.current}</span>`}
          ${isSuspended && html`<span class="badge off">${texts.suspended}</span>`}
        </h3>
        <p>${TEXTS.roles[role] ?? role}</p>
      </div>
      <div class="row-actions">
        ${!isCurrent && form(ui, { action: '/account/workspaces', hidden: { workspace: id }, children: go })}
      </div>
    </li>
  `;
}

type Invitation = Awaited<ReturnType<typeof listOwnInvitations>>[number];

function invitationRow({ ui }: AskedByPerson, { id, workspace, role, expiresAtMs }: Invitation): Markup {
  const { as, join, joinOne, decline, declineOne } = texts.invitations;
  const go = html`<button class="secondary" type="submit" aria-label=${joinOne(workspace)}>${join}</button>`;
  const no = html`<button class="secondary" type="submit" aria-label=${declineOne(workspace)}>${decline}</button>`;
  const hidden = { invitation: id };
  return html`
    <li class="row">
      <div class="row-text">
        <h3>${workspace}</h3>
        <p>${as(TEXTS.roles[role] ?? role)} ${moment(expiresAtMs)}.</p>
      </div>
      <div class="row-actions">
        ${form(ui, { action: '/account/workspaces/join', hidden, children: go })}
        ${form(ui, { action: '/account/workspaces/decline', hidden, children: no })}
      </div>
    </li>
  `;
}

const section = (title: string, about: string, rows: readonly Markup[]) => html`
  <section>
    <h2>${title}</h2>
    <p class="section-lead">${about}</p>
    <ul class="rows">${rows}</ul>
  </section>
`;

function sections(
  asked: AskedByPerson,
  email: string,
  workspaces: readonly OwnWorkspace[],
  invitations: readonly Invitation[],
): Markup {
  const { yours, invitations: invited } = texts;
  const own = workspaces.map((each) => row(asked, each));
  const open = invitations.map((each) => invitationRow(asked, each));
  return html`
    ${own.length === 0 && html`<p class="empty">${texts.none}</p>`}
    ${own.length > 0 && section(yours.title, yours.about, own)}
    ${open.length > 0 && section(invited.title, invited.about(email), open)}
  `;
}

async function draw({ people }: PagesDeps, asked: AskedByPerson, problem: Problem | null = null): Promise<Answer> {
  const { ui, signed, query } = asked;
  const { email, email_verified: isConfirmed } = await requirePerson(people, signed.userId);
  const workspaces = await listOwnWorkspaces(people, signed);
  const invitations = await listOwnInvitations(people, signed);
  const done = DONE[query.get('done') ?? ''];
  const document = accountPage(ui, {
    title: texts.title,
    email,
    tab: 'workspaces',
    lead: texts.lead,
    hasProblem: problem !== null,
    body: html`
      ${done && note(done)} ${wholeProblem(problem)}
      ${sections(asked, email, workspaces, invitations)}
      <p class="hint">${texts.invited} ${isConfirmed === 0 && texts.unconfirmed}</p>
    `,
  });
  return withProblem(document, problem);
}

type Respond = (people: People, visit: Visit, signed: SignedIn, which: { id: string }) => Promise<unknown>;

async function respond(deps: PagesDeps, asked: AskedByPerson, answer: Respond, done: string): Promise<Answer> {
  const { visit, signed, form: typed, ui } = asked;
  try {
    await answer(deps.people, visit, signed, { id: typed.get('invitation') ?? '' });
    return { goTo: ui.at(`/account/workspaces?done=${done}`) };
  } catch (error) {
    return draw(deps, asked, problemOf(error));
  }
}

/** The workspaces that a person is in, which of them the session works in, and to which others they are invited. */
export function workspacePages(deps: PagesDeps, { own }: Pages): PageRoute[] {
  return [
    own('GET', '/account/workspaces', (asked) => draw(deps, asked)),
    own('POST', '/account/workspaces', async ({ form: typed, signed, ui }) => {
      await switchSession(deps.people, signed, { workspaceId: typed.get('workspace') ?? '' });
      return { goTo: ui.at('/account/workspaces?done=switched') };
    }),
    own('POST', '/account/workspaces/join', (asked) => respond(deps, asked, acceptAsPerson, 'joined'), PATH),
    own('POST', '/account/workspaces/decline', (asked) => respond(deps, asked, declineAsPerson, 'declined'), PATH),
  ];
}
