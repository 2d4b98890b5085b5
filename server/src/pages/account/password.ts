import { changePassword, requirePerson, SHORTEST_PASSWORD } from '../../accounts/index.ts';
import { Failure } from '../../failure.ts';
import type { PageRoute } from '../../http/index.ts';
import { field, form, submit } from '../look/form.ts';
import { html } from '../look/html.ts';
import type { Answer, AskedByPerson, Pages, PagesDeps } from '../surface/page.ts';
import { atField, missing, type Problem, problemOf } from '../surface/problem.ts';
import { TEXTS } from '../texts.ts';
import { step } from './step.ts';

const texts = TEXTS.password;

async function draw(deps: PagesDeps, asked: AskedByPerson, problem: Problem | null = null): Promise<Answer> {
  const { email, password_hash: hash } = await requirePerson(deps.people, asked.signed.userId);
  const current = field({
    name: 'current_password',
    label: TEXTS.fields.currentPassword,
    type: 'password',
    autocomplete: 'current-password',
    problem,
    isFirst: true,
  });
  return step(deps, asked, {
    title: hash === null ? texts.addTitle : texts.title,
    lead: texts.lead,
    problem,
    body: form(asked.ui, {
      action: '/account/password',
      hidden: { username: email },
      children: html`
        ${hash !== null && current}
        ${field({
          name: 'new_password',
          label: TEXTS.fields.newPassword,
          type: 'password',
          autocomplete: 'new-password',
          hint: TEXTS.fields.passwordHint(SHORTEST_PASSWORD),
          problem,
          isFirst: hash === null,
        })}
        ${submit(texts.submit)}
      `,
    }),
  });
}

async function change(deps: PagesDeps, asked: AskedByPerson): Promise<Answer> {
  const { form: typed, signed, visit, ui } = asked;
  const { password_hash: hash } = await requirePerson(deps.people, signed.userId);
  const empty = missing(typed, hash === null ? ['new_password'] : ['current_password', 'new_password']);
  if (empty) return draw(deps, asked, empty);
  const currentPassword = typed.get('current_password') ?? undefined;
  try {
    const input = { currentPassword, newPassword: typed.get('new_password') ?? '' };
    asked.begin(await changePassword(deps.people, visit, signed, input));
    return { goTo: ui.at('/account?done=password_changed') };
  } catch (error) {
    const problem = problemOf(error);
    const isWrong = error instanceof Failure && error.code === 'invalid_credentials';
    return draw(deps, asked, isWrong ? atField(problem, 'current_password', texts.wrong) : problem);
  }
}

export function passwordPages(deps: PagesDeps, { own }: Pages): PageRoute[] {
  return [
    own('GET', '/account/password', (asked) => draw(deps, asked)),
    own('POST', '/account/password', (asked) => change(deps, asked)),
  ];
}
