import { LONGEST_PERSON_NAME, renameSelf, requirePerson } from '../../accounts/index.ts';
import type { PageRoute } from '../../http/index.ts';
import { field, form, submit } from '../look/form.ts';
import { html } from '../look/html.ts';
import type { Answer, AskedByPerson, Pages, PagesDeps } from '../surface/page.ts';
import { TEXTS } from '../texts.ts';
import { step } from './step.ts';

const texts = TEXTS.name;

async function draw(deps: PagesDeps, asked: AskedByPerson): Promise<Answer> {
  const { name } = await requirePerson(deps.people, asked.signed.userId);
  return step(deps, asked, {
    title: name === null ? texts.addTitle : texts.title,
    lead: texts.lead,
    body: form(asked.ui, {
      action: '/account/name',
      children: html`
        ${field({
          name: 'name',
          label: TEXTS.fields.name,
          autocomplete: 'name',
          value: name ?? undefined,
          hint: name === null ? undefined : texts.hint,
          isFirst: true,
          isOptional: true,
          maxLength: LONGEST_PERSON_NAME,
        })}
        ${submit(texts.submit)}
      `,
    }),
  });
}

async function change({ people }: PagesDeps, { form: typed, visit, signed, ui }: AskedByPerson): Promise<Answer> {
  const name = (typed.get('name') ?? '').trim().slice(0, LONGEST_PERSON_NAME);
  await renameSelf(people, visit, signed, { name });
  return { goTo: ui.at(`/account?done=${name === '' ? 'name_removed' : 'name_changed'}`) };
}

/** What others in one's workspaces see. */
export function namePages(deps: PagesDeps, { own }: Pages): PageRoute[] {
  return [
    own('GET', '/account/name', (asked) => draw(deps, asked)),
    own('POST', '/account/name', (asked) => change(deps, asked)),
  ];
}
