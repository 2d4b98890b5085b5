import { completeSignUp, peekMailLink, SHORTEST_PASSWORD, signUp } from '../../accounts/index.ts';
import { Failure } from '../../failure.ts';
import type { PageRoute } from '../../http/index.ts';
import { entryPage } from '../look/entry-page.ts';
import { field, form, submit, wholeProblem } from '../look/form.ts';
import { html } from '../look/html.ts';
import { forgetLink, linkToken } from '../surface/mail-link.ts';
import type { Answer, Asked, Pages, PagesDeps } from '../surface/page.ts';
import { atField, missing, type Problem, problemOf, withProblem } from '../surface/problem.ts';
import { forgetWay, keptWay } from '../surface/way-out.ts';
import { TEXTS } from '../texts.ts';
import { deadLink } from './dead-link.ts';
import { mailHint } from './mail-hint.ts';
import { keepWayOf, pathAfter, wayIn } from './way-in.ts';

const texts = TEXTS.signUp;
const LONGEST_NAME = 100;

function draw(asked: Asked, problem: Problem | null = null): Answer {
  const { ui, form: typed } = asked;
  const shared = { problem };
  const document = entryPage(ui, {
    title: texts.title,
    hasProblem: problem !== null,
    body: html`
      ${wholeProblem(problem)}
      ${form(ui, {
        action: '/sign-up',
        hidden: { return_to: wayIn(asked) },
        children: html`
          ${field({
            ...shared,
            name: 'email',
            label: TEXTS.fields.email,
            type: 'email',
            inputmode: 'email',
            autocomplete: 'username',
            value: typed.get('email') ?? undefined,
            isFirst: true,
            maxLength: 254,
          })}
          ${field({
            ...shared,
            name: 'name',
            label: TEXTS.fields.name,
            aside: html`<span class="optional">${TEXTS.fields.optional}</span>`,
            autocomplete: 'name',
            value: typed.get('name') ?? undefined,
            isOptional: true,
            maxLength: LONGEST_NAME,
          })}
          ${field({
            ...shared,
            name: 'password',
            label: TEXTS.fields.password,
            type: 'password',
            autocomplete: 'new-password',
            hint: TEXTS.fields.passwordHint(SHORTEST_PASSWORD),
          })}
          ${submit(texts.submit)}
        `,
      })}
    `,
    foot: html`${texts.haveAccount} <a href=${pathAfter(asked, '/sign-in')}>${texts.signIn}</a>`,
  });
  return withProblem(document, problem);
}

/** Where accounts are not made by everybody, the page says by whom. */
function drawClosed({ ui }: Asked, policy: 'invitation' | 'closed'): Answer {
  const foot = html`<a href=${ui.at('/sign-in')}>${texts.signIn}</a>`;
  return {
    document: entryPage(ui, { title: texts.closedTitle, lead: texts.closed[policy], body: null, foot }),
    status: 403,
  };
}

async function ask({ people }: PagesDeps, asked: Asked): Promise<Answer> {
  const { form: typed, ui } = asked;
  const empty = missing(typed, ['email', 'password']);
  if (empty) return draw(asked, empty);
  const name = (typed.get('name') ?? '').trim().slice(0, LONGEST_NAME);
  const input = { email: typed.get('email') ?? '', password: typed.get('password') ?? '', name: name || null };
  try {
    await signUp(people, asked.visit, input);
    keepWayOf(asked);
    return { goTo: ui.at('/sign-up/sent') };
  } catch (error) {
    return draw(asked, problemOf(error));
  }
}

function drawConfirm(asked: Asked, email: string, problem: Problem | null = null): Answer {
  const { ui } = asked;
  const document = entryPage(ui, {
    title: texts.confirmTitle,
    lead: texts.confirmLead(email),
    hasProblem: problem !== null,
    body: html`
      ${wholeProblem(problem)}
      ${form(ui, {
        action: '/sign-up/confirm',
        hidden: { username: email },
        children: html`
          ${field({
            name: 'password',
            label: TEXTS.fields.password,
            type: 'password',
            autocomplete: 'current-password',
            problem,
            isFirst: true,
          })}
          ${submit(texts.confirm)}
        `,
      })}
    `,
  });
  return withProblem(document, problem);
}

async function openLink({ people }: PagesDeps, asked: Asked): Promise<Answer> {
  const link = linkToken(asked, 'sign_up');
  if (link && 'moved' in link) return { goTo: asked.ui.at('/sign-up/confirm') };
  const found = link && (await peekMailLink(people, 'sign_up', link.token));
  return found ? drawConfirm(asked, found.email) : deadLink(asked, 'sign_up');
}

async function confirm({ people }: PagesDeps, asked: Asked): Promise<Answer> {
  const link = linkToken(asked, 'sign_up');
  const token = link && 'token' in link ? link.token : '';
  const found = await peekMailLink(people, 'sign_up', token);
  if (!found) return deadLink(asked, 'sign_up');
  const empty = missing(asked.form, ['password']);
  if (empty) return drawConfirm(asked, found.email, empty);
  try {
    const input = { token, password: asked.form.get('password') ?? '', replaces: asked.replaces };
    const started = await completeSignUp(people, asked.visit, input);
    forgetLink(asked, 'sign_up');
    asked.begin(started);
    const way = keptWay(asked);
    forgetWay(asked);
    return { goTo: way ?? asked.ui.at('/account?done=signed_up') };
  } catch (error) {
    if (error instanceof Failure && error.code === 'invalid_request') return deadLink(asked, 'sign_up');
    const problem = problemOf(error);
    const shown = problem.whole === null ? atField(problem, 'password', texts.otherPassword) : problem;
    return drawConfirm(asked, found.email, shown);
  }
}

export function signUpPages(deps: PagesDeps, { open }: Pages): PageRoute[] {
  const { signUp: policy } = deps.people;
  const whenOpen = (next: (asked: Asked) => Answer | Promise<Answer>) => async (asked: Asked) =>
    policy === 'open' ? next(asked) : drawClosed(asked, policy);
  return [
    open(
      'GET',
      '/sign-up',
      whenOpen((asked) => draw(asked)),
    ),
    open(
      'POST',
      '/sign-up',
      whenOpen((asked) => ask(deps, asked)),
    ),
    open('GET', '/sign-up/sent', async ({ ui }) => ({
      document: entryPage(ui, {
        title: texts.sentTitle,
        lead: texts.sent,
        body: mailHint(ui),
        foot: html`<a href=${ui.at('/sign-in')}>${texts.signIn}</a>`,
      }),
    })),
    open('GET', '/sign-up/confirm', (asked) => openLink(deps, asked)),
    open('POST', '/sign-up/confirm', (asked) => confirm(deps, asked)),
  ];
}
