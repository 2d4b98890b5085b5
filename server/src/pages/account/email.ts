import { requestEmailChange, requestVerification, requireRecentProof } from '../../accounts/index.ts';
import type { PageRoute } from '../../http/index.ts';
import { field, form, submit } from '../look/form.ts';
import { html } from '../look/html.ts';
import type { Answer, AskedByPerson, Pages, PagesDeps } from '../surface/page.ts';
import { missing, type Problem, problemOf } from '../surface/problem.ts';
import { TEXTS } from '../texts.ts';
import { step } from './step.ts';

const texts = TEXTS.email;

function draw(deps: PagesDeps, asked: AskedByPerson, problem: Problem | null = null): Promise<Answer> {
  return step(deps, asked, {
    title: texts.title,
    lead: texts.lead,
    problem,
    body: form(asked.ui, {
      action: '/account/email',
      children: html`
        ${field({
          name: 'email',
          label: texts.newEmail,
          type: 'email',
          inputmode: 'email',
          autocomplete: 'email',
          value: asked.form.get('email') ?? undefined,
          problem,
          isFirst: true,
          maxLength: 254,
        })}
        ${submit(texts.submit)}
      `,
    }),
  });
}

/** Proof is asked for before the address is typed, not after. */
async function begin(deps: PagesDeps, asked: AskedByPerson): Promise<Answer> {
  await requireRecentProof(deps.people, asked.signed);
  return draw(deps, asked);
}

async function change(deps: PagesDeps, asked: AskedByPerson): Promise<Answer> {
  const empty = missing(asked.form, ['email']);
  if (empty) return draw(deps, asked, empty);
  try {
    await requestEmailChange(deps.people, asked.visit, asked.signed, { email: asked.form.get('email') ?? '' });
    return { goTo: asked.ui.at('/account?done=email_change_sent') };
  } catch (error) {
    return draw(deps, asked, problemOf(error));
  }
}

async function verify(deps: PagesDeps, asked: AskedByPerson): Promise<Answer> {
  try {
    await requestVerification(deps.people, asked.signed);
    return { goTo: asked.ui.at('/account?done=verification_sent') };
  } catch (error) {
    return draw(deps, asked, problemOf(error));
  }
}

export function emailPages(deps: PagesDeps, { own }: Pages): PageRoute[] {
  return [
    own('GET', '/account/email', (asked) => begin(deps, asked)),
    own('POST', '/account/email', (asked) => change(deps, asked)),
    own('POST', '/account/email/verification', (asked) => verify(deps, asked), '/account'),
  ];
}
