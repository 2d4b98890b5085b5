import {
  addPasskey,
  readAttestation,
  readOwnAccount,
  removePasskey,
  renamePasskey,
  requireRecentProof,
} from '../../accounts/index.ts';
import { Failure } from '../../failure.ts';
import type { PageRoute } from '../../http/index.ts';
import { field, form, submit } from '../look/form.ts';
import { html, type Markup } from '../look/html.ts';
import { passkeyForm } from '../look/passkey-form.ts';
import type { Answer, AskedByPerson, Pages, PagesDeps } from '../surface/page.ts';
import { missing, type Problem, problemOf } from '../surface/problem.ts';
import { TEXTS } from '../texts.ts';
import { drawCodes } from './backup-codes.ts';
import { step } from './step.ts';

const texts = TEXTS.passkeys;
const LONGEST_NAME = 64;

function nameField(value: string, problem: Problem | null): Markup {
  return field({
    name: 'name',
    label: texts.name,
    autocomplete: 'off',
    value,
    hint: texts.nameHint,
    problem,
    isFirst: true,
    maxLength: LONGEST_NAME,
  });
}

async function drawNew(deps: PagesDeps, asked: AskedByPerson, problem: Problem | null = null): Promise<Answer> {
  await requireRecentProof(deps.people, asked.signed);
  return step(deps, asked, {
    title: texts.newTitle,
    lead: texts.newLead,
    problem,
    usesPasskeys: true,
    body: html`
      ${passkeyForm(asked.ui, {
        action: '/account/passkeys/new',
        optionsPath: '/v1/account/factors/passkeys/options',
        does: 'create',
        button: texts.create,
        children: nameField(asked.form.get('name') ?? '', problem),
        isPrimary: true,
      })}
      <p class="note warning" data-without-passkeys>${texts.needScript}</p>
    `,
  });
}

async function add(deps: PagesDeps, asked: AskedByPerson): Promise<Answer> {
  const { form: typed, visit, signed, ui } = asked;
  try {
    const response = readAttestation(typed.get('credential') ?? '');
    const name = (typed.get('name') ?? '').trim().slice(0, LONGEST_NAME) || texts.unnamed;
    const { backupCodes } = await addPasskey(deps.people, visit, signed, { response, name });
    if (backupCodes.length === 0) return { goTo: ui.at('/account?done=passkey_added') };
    return drawCodes(deps, asked, backupCodes, texts.on);
  } catch (error) {
    const problem = problemOf(error);
    return drawNew(deps, asked, { ...problem, whole: problem.whole ?? texts.failed });
  }
}

async function drawOne(deps: PagesDeps, asked: AskedByPerson, problem: Problem | null = null): Promise<Answer> {
  const { passkeys } = await readOwnAccount(deps.people, asked.signed);
  const passkey = passkeys.find(({ id }) => id === asked.params.id);
  if (!passkey) throw new Failure('not_found');
  const path = `/account/passkeys/${passkey.id}`;
  const remove = html`<button class="danger" type="submit">${texts.remove}</button>`;
  const rename = html`${nameField(asked.form.get('name') ?? passkey.name, problem)} ${submit(texts.save)}`;
  return step(deps, asked, {
    title: texts.editTitle,
    problem,
    body: html`
      ${form(asked.ui, { action: path, children: rename })}
      <section class="apart">
        <h2>${texts.removeTitle}</h2>
        <p class="section-lead">${texts.removeLead}</p>
        ${form(asked.ui, { action: `${path}/remove`, children: remove })}
      </section>
    `,
  });
}

async function rename(deps: PagesDeps, asked: AskedByPerson): Promise<Answer> {
  const empty = missing(asked.form, ['name']);
  if (empty) return drawOne(deps, asked, empty);
  const name = (asked.form.get('name') ?? '').trim().slice(0, LONGEST_NAME);
  await renamePasskey(deps.people, asked.signed, { id: asked.params.id ?? '', name });
  return { goTo: asked.ui.at('/account?done=passkey_renamed') };
}

export function passkeyPages(deps: PagesDeps, { own }: Pages): PageRoute[] {
  return [
    own('GET', '/account/passkeys/new', (asked) => drawNew(deps, asked)),
    own('POST', '/account/passkeys/new', (asked) => add(deps, asked)),
    own('GET', '/account/passkeys/:id', (asked) => drawOne(deps, asked), '/account'),
    own('POST', '/account/passkeys/:id', (asked) => rename(deps, asked), '/account'),
    own(
      'POST',
      '/account/passkeys/:id/remove',
      async (asked) => {
        await removePasskey(deps.people, asked.visit, asked.signed, asked.params.id ?? '');
        return { goTo: asked.ui.at('/account?done=passkey_removed') };
      },
      '/account',
    ),
  ];
}
