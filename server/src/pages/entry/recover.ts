import { completeRecovery, peekMailLink, requestRecovery, SHORTEST_PASSWORD } from '../../accounts/index.ts';
import { Failure } from '../../failure.ts';
import type { PageRoute } from '../../http/index.ts';
import { entryPage } from '../look/entry-page.ts';
import { field, form, submit, wholeProblem } from '../look/form.ts';
import { html } from '../look/html.ts';
import { forgetLink, linkToken } from '../surface/mail-link.ts';
import type { Answer, Asked, Pages, PagesDeps } from '../surface/page.ts';
import { missing, type Problem, problemOf, withProblem } from '../surface/problem.ts';
import { forgetWay, keptWay } from '../surface/way-out.ts';
import { TEXTS } from '../texts.ts';
import { deadLink } from './dead-link.ts';
import { mailHint } from './mail-hint.ts';
import { keepWayOf, pathAfter, wayIn } from './way-in.ts';

const texts = TEXTS.recover;

function draw(asked: Asked, problem: Problem | null = null): Answer {
  const { ui, form: typed } = asked;
  const document = entryPage(ui, {
    title: texts.title,
    lead: texts.lead,
    hasProblem: problem !== null,
    body: html`
      ${wholeProblem(problem)}
      ${form(ui, {
        action: '/recover',
        hidden: { return_to: wayIn(asked) },
        children: html`
          ${field({
            name: 'username',
            label: TEXTS.fields.email,
            type: 'email',
            inputmode: 'email',
            autocomplete: 'username',
            value: typed.get('username') ?? undefined,
            problem,
            isFirst: true,
            maxLength: 254,
          })}
          ${submit(texts.submit)}
        `,
      })}
    `,
    foot: html`<a href=${pathAfter(asked, '/sign-in')}>${texts.back}</a>`,
  });
  return withProblem(document, problem);
}

async function ask({ people }: PagesDeps, asked: Asked): Promise<Answer> {
  const empty = missing(asked.form, ['username']);
  if (empty) return draw(asked, empty);
  try {
    await requestRecovery(people, asked.visit, { email: (asked.form.get('username') ?? '').slice(0, 254) });
    keepWayOf(asked);
    return { goTo: asked.ui.at('/recover/sent') };
  } catch (error) {
    return draw(asked, problemOf(error, { email: 'username' }));
  }
}

function drawNew({ ui }: Asked, email: string, problem: Problem | null = null): Answer {
  const document = entryPage(ui, {
    title: texts.newTitle,
    lead: texts.newLead(email),
    hasProblem: problem !== null,
    body: html`
      ${wholeProblem(problem)}
      ${form(ui, {
        action: '/recover/password',
        hidden: { username: email },
        children: html`
          ${field({
            name: 'password',
            label: TEXTS.fields.newPassword,
            type: 'password',
            autocomplete: 'new-password',
            hint: TEXTS.fields.passwordHint(SHORTEST_PASSWORD),
            problem,
            isFirst: true,
          })}
          ${submit(texts.save)}
        `,
      })}
    `,
  });
  return withProblem(document, problem);
}

async function openLink({ people }: PagesDeps, asked: Asked): Promise<Answer> {
  const link = linkToken(asked, 'recover');
  if (link && 'moved' in link) return { goTo: asked.ui.at('/recover/password') };
  const found = link && (await peekMailLink(people, 'recover', link.token));
  return found ? drawNew(asked, found.email) : deadLink(asked, 'recover');
}

async function complete({ people }: PagesDeps, asked: Asked): Promise<Answer> {
  const link = linkToken(asked, 'recover');
  const token = link && 'token' in link ? link.token : '';
  const found = await peekMailLink(people, 'recover', token);
  if (!found) return deadLink(asked, 'recover');
  const empty = missing(asked.form, ['password']);
  if (empty) return drawNew(asked, found.email, empty);
  try {
    await completeRecovery(people, asked.visit, { token, password: asked.form.get('password') ?? '' });
    forgetLink(asked, 'recover');
    const way = keptWay(asked);
    forgetWay(asked);
    const goOn = way === null ? '' : `&return_to=${encodeURIComponent(way)}`;
    return { goTo: asked.ui.at(`/sign-in?done=recovered${goOn}`) };
  } catch (error) {
    if (error instanceof Failure && error.code === 'invalid_request') return deadLink(asked, 'recover');
    return drawNew(asked, found.email, problemOf(error));
  }
}

export function recoverPages(deps: PagesDeps, { open }: Pages): PageRoute[] {
  return [
    open('GET', '/recover', async (asked) => draw(asked)),
    open('POST', '/recover', (asked) => ask(deps, asked)),
    open('GET', '/recover/sent', async ({ ui }) => ({
      document: entryPage(ui, {
        title: texts.sentTitle,
        lead: texts.sent,
        body: mailHint(ui),
        foot: html`<a href=${ui.at('/sign-in')}>${texts.back}</a>`,
      }),
    })),
    open('GET', '/recover/password', (asked) => openLink(deps, asked)),
    open('POST', '/recover/password', (asked) => complete(deps, asked)),
  ];
}
