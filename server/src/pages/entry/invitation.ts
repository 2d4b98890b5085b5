import {
  acceptAsNewcomer,
  acceptAsPerson,
  declineByLink,
  readInvitation,
  requirePerson,
  SHORTEST_PASSWORD,
} from '../../accounts/index.ts';
import { Failure } from '../../failure.ts';
import type { PageRoute } from '../../http/index.ts';
import { entryPage } from '../look/entry-page.ts';
import { field, form, submit, wholeProblem } from '../look/form.ts';
import { html, type Markup } from '../look/html.ts';
import { forgetLink, linkToken } from '../surface/mail-link.ts';
import type { Answer, Asked, Pages, PagesDeps } from '../surface/page.ts';
import { missing, type Problem, problemOf, withProblem } from '../surface/problem.ts';
import { TEXTS } from '../texts.ts';
import { deadLink } from './dead-link.ts';

const texts = TEXTS.invitation;
const PATH = '/invitations/accept';

interface Invitation {
  token: string;
  email: string;
  role: string;
  workspace: string;
  hasAccount: boolean;
}

type Person = Awaited<ReturnType<typeof requirePerson>>;

async function read({ people }: PagesDeps, token: string): Promise<Invitation | null> {
  try {
    return { token, ...(await readInvitation(people, { token })) };
  } catch (error) {
    if (error instanceof Failure && error.code === 'invalid_request') return null;
    throw error;
  }
}

/** For who has no account: choosing a password makes it. */
function newcomerForm({ ui, form: typed }: Asked, { email }: Invitation, problem: Problem | null): Markup {
  return form(ui, {
    action: `${PATH}/sign-up`,
    hidden: { username: email },
    children: html`
      ${field({
        name: 'name',
        label: TEXTS.fields.name,
        aside: html`<span class="optional">${TEXTS.fields.optional}</span>`,
        autocomplete: 'name',
        value: typed.get('name') ?? undefined,
        problem,
        isOptional: true,
        isFirst: true,
        maxLength: 100,
      })}
      ${field({
        name: 'password',
        label: TEXTS.fields.password,
        type: 'password',
        autocomplete: 'new-password',
        hint: TEXTS.fields.passwordHint(SHORTEST_PASSWORD),
        problem,
      })}
      ${submit(texts.createAndJoin)}
    `,
  });
}

function signInFirst({ ui }: Asked): Markup {
  const way = `${ui.at('/sign-in')}?return_to=${encodeURIComponent(ui.at(PATH))}`;
  return html`<p class="actions"><a class="button primary" href=${way}>${texts.signIn}</a></p>`;
}

/** Signed in as somebody else than who was invited: the way is to sign out. */
function otherPerson({ ui }: Asked, person: Person): Markup {
  const out = html`<button class="secondary" type="submit">${TEXTS.account.signOut}</button>`;
  return html`
    <p class="note warning">${texts.other(person.email)}</p>
    ${form(ui, { action: '/sign-out', hidden: { return_to: ui.at(PATH) }, children: out })}
  `;
}

function bodyFor(asked: Asked, invitation: Invitation, person: Person | null, problem: Problem | null): Markup {
  if (person === null) return invitation.hasAccount ? signInFirst(asked) : newcomerForm(asked, invitation, problem);
  if (person.email.toLowerCase() !== invitation.email.toLowerCase()) return otherPerson(asked, person);
  return form(asked.ui, { action: PATH, children: submit(texts.join(invitation.workspace)) });
}

/** For who was invited, whoever they are here. */
function declineForm({ ui }: Asked): Markup {
  const no = html`<button class="secondary" type="submit">${texts.decline}</button>`;
  return form(ui, { action: `${PATH}/decline`, children: no });
}

async function draw(
  deps: PagesDeps,
  asked: Asked,
  invitation: Invitation,
  problem: Problem | null = null,
): Promise<Answer> {
  const person = asked.session && (await requirePerson(deps.people, asked.session.userId));
  const { workspace, role, email } = invitation;
  const document = entryPage(asked.ui, {
    title: texts.title(workspace),
    lead: texts.lead(email, TEXTS.roles[role] ?? role),
    hasProblem: problem !== null,
    body: html`${wholeProblem(problem)} ${bodyFor(asked, invitation, person, problem)} ${declineForm(asked)}`,
  });
  return withProblem(document, problem);
}

type Next = (asked: Asked, invitation: Invitation) => Promise<Answer>;

function withInvitation(deps: PagesDeps, next: Next): (asked: Asked) => Promise<Answer> {
  return async (asked) => {
    const link = linkToken(asked, 'invitation');
    if (link && 'moved' in link) return { goTo: asked.ui.at(PATH) };
    const invitation = link && (await read(deps, link.token));
    if (!invitation) return deadLink(asked, 'invitation');
    try {
      return await next(asked, invitation);
    } catch (error) {
      if (error instanceof Failure && error.code === 'invalid_request') return deadLink(asked, 'invitation');
      return draw(deps, asked, invitation, problemOf(error));
    }
  };
}

export function invitationPages(deps: PagesDeps, { open }: Pages): PageRoute[] {
  const { people } = deps;
  const join: Next = async (asked, { token }) => {
    const { session } = asked;
    if (session === null) return { goTo: asked.ui.at(PATH) };
    const signed = { userId: session.userId, sessionId: session.id };
    await acceptAsPerson(people, asked.visit, signed, { token });
    forgetLink(asked, 'invitation');
    return { goTo: asked.ui.at('/account/workspaces?done=joined') };
  };
  const decline: Next = async (asked, { token, workspace }) => {
    const { session, ui } = asked;
    await declineByLink(people, asked.visit, { token, userId: session?.userId ?? null });
    forgetLink(asked, 'invitation');
    if (session !== null) return { goTo: ui.at('/account/workspaces?done=declined') };
    const { title, lead } = texts.declined;
    return { document: entryPage(ui, { title, lead: lead(workspace), body: html`` }) };
  };
  const signUp: Next = async (asked, invitation) => {
    const empty = missing(asked.form, ['password']);
    if (empty) return draw(deps, asked, invitation, empty);
    const name = (asked.form.get('name') ?? '').trim().slice(0, 100) || null;
    const password = asked.form.get('password') ?? '';
    const input = { token: invitation.token, password, name, replaces: asked.replaces };
    asked.begin(await acceptAsNewcomer(people, asked.visit, input));
    forgetLink(asked, 'invitation');
    return { goTo: asked.ui.at('/account/workspaces?done=joined') };
  };
  return [
    open(
      'GET',
      PATH,
      withInvitation(deps, (asked, invitation) => draw(deps, asked, invitation)),
    ),
    open('POST', PATH, withInvitation(deps, join)),
    open('POST', `${PATH}/decline`, withInvitation(deps, decline)),
    open('POST', `${PATH}/sign-up`, withInvitation(deps, signUp)),
  ];
}
