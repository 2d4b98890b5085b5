import { type OwnWorkspace, requirePerson } from '../../accounts/index.ts';
import { Failure } from '../../failure.ts';
import type { Question } from '../../oauth/index.ts';
import { entryPage } from '../look/entry-page.ts';
import { form } from '../look/form.ts';
import { html } from '../look/html.ts';
import type { Answer, Asked, PagesDeps } from '../surface/page.ts';
import { CONSENT_PATH, consentPath } from '../surface/way-out.ts';
import { TEXTS } from '../texts.ts';
import { applicationMark, pictureOf } from './application-mark.ts';

const texts = TEXTS.choices;

const needsOf = ({ application, request }: Question) => ({
  leadsTo: request.redirectUri,
  picture: pictureOf(application),
});

/** In which of the person's workspaces the application is to act. */
export function drawWorkspaceChoice(
  { ui }: Asked,
  question: Question,
  options: readonly Pick<OwnWorkspace, 'id' | 'name' | 'role'>[],
): Answer {
  const { application, text } = question;
  const document = entryPage(ui, {
    title: texts.workspaceTitle,
    mark: applicationMark(application),
    lead: texts.workspaceLead(application.name),
    body: form(ui, {
      action: CONSENT_PATH,
      className: 'choices',
      hidden: { request: text },
      children: options.map(
        ({ id, name, role }) => html`
          <button class="secondary choice" type="submit" name="workspace" value=${id}>
            <bdi>${name}</bdi> <span class="hint">${TEXTS.roles[role] ?? role}</span>
          </button>
        `,
      ),
    }),
  });
  return { document, needs: needsOf(question) };
}

/** `prompt=select_account`: as whom to go on. */
export async function drawAccountChoice(deps: PagesDeps, asked: Asked, question: Question): Promise<Answer> {
  const { ui, session } = asked;
  if (session === null) throw new Failure('invalid_token');
  const { application, text } = question;
  const { email, name } = await requirePerson(deps.people, session.userId);
  const other = `${ui.at('/sign-in')}?again=1&return_to=${encodeURIComponent(consentPath(ui, text))}`;
  const document = entryPage(ui, {
    title: texts.accountTitle,
    mark: applicationMark(application),
    lead: texts.accountLead(application.name),
    body: form(ui, {
      action: CONSENT_PATH,
      className: 'choices',
      hidden: { request: text },
      children: html`
        <button class="secondary choice" type="submit" name="account" value="continue">
          <bdi>${name ?? email}</bdi>${name !== null && html` <span class="hint">${email}</span>`}
        </button>
        <a class="button quiet" href=${other}>${texts.otherAccount}</a>
      `,
    }),
  });
  return { document, needs: needsOf(question) };
}
