import { listOwnWorkspaces, type OwnWorkspace, requirePerson, switchSession } from '../../accounts/index.ts';
import type { PageRoute } from '../../http/index.ts';
import { accountPage } from '../look/account-page.ts';
import { form, note } from '../look/form.ts';
import { html, type Markup } from '../look/html.ts';
import type { Answer, AskedByPerson, Pages, PagesDeps } from '../surface/page.ts';
import { TEXTS } from '../texts.ts';

const texts = TEXTS.workspaces;
const DONE: Readonly<Record<string, string>> = texts.done;

function row({ ui, session }: AskedByPerson, { id, name, role, isSuspended }: OwnWorkspace): Markup {
  const isCurrent = id === session.principal.workspaceId;
  const go = html`<button class="secondary" type="submit" aria-label=${texts.switchTo(name)}>${texts.switch}</button>`;
  return html`
    <li class="row">
      <div class="row-text">
        <h2>
          ${name} ${isCurrent && html`<span class="badge on">${texts.current}</span>`}
          ${isSuspended && html`<span class="badge off">${texts.suspended}</span>`}
        </h2>
        <p>${TEXTS.roles[role] ?? role}</p>
      </div>
      <div class="row-actions">
        ${!isCurrent && form(ui, { action: '/account/workspaces', hidden: { workspace: id }, children: go })}
      </div>
    </li>
  `;
}

async function draw({ people }: PagesDeps, asked: AskedByPerson): Promise<Answer> {
  const { ui, signed, query } = asked;
  const { email } = await requirePerson(people, signed.userId);
  const workspaces = await listOwnWorkspaces(people, signed);
  const done = DONE[query.get('done') ?? ''];
  const document = accountPage(ui, {
    title: texts.title,
    email,
    tab: 'workspaces',
    lead: texts.lead,
    body: html`
      ${done && note(done)}
      ${
        workspaces.length === 0
          ? html`<p class="empty">${texts.none}</p>`
          : html`<ul class="rows">${workspaces.map((each) => row(asked, each))}</ul>`
      }
      <p class="hint">${texts.invited}</p>
    `,
  });
  return { document };
}

/** The workspaces that a person is in, and which of them the session works in. */
export function workspacePages(deps: PagesDeps, { own }: Pages): PageRoute[] {
  return [
    own('GET', '/account/workspaces', (asked) => draw(deps, asked)),
    own('POST', '/account/workspaces', async ({ form: typed, signed, ui }) => {
      await switchSession(deps.people, signed, { workspaceId: typed.get('workspace') ?? '' });
      return { goTo: ui.at('/account/workspaces?done=switched') };
    }),
  ];
}
