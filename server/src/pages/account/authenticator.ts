import {
  confirmAuthenticator,
  type OfferedTotp,
  offerAuthenticator,
  removeAuthenticator,
  requireRecentProof,
} from '../../accounts/index.ts';
import { Failure } from '../../failure.ts';
import type { PageRoute } from '../../http/index.ts';
import { field, form, submit } from '../look/form.ts';
import { html, type Markup } from '../look/html.ts';
import type { Answer, AskedByPerson, Pages, PagesDeps } from '../surface/page.ts';
import { atField, missing, type Problem, problemOf } from '../surface/problem.ts';
import { TEXTS } from '../texts.ts';
import { drawCodes } from './backup-codes.ts';
import { step } from './step.ts';

const texts = TEXTS.authenticator;

function codeForm({ ui }: AskedByPerson, problem: Problem | null): Markup {
  return form(ui, {
    action: '/account/authenticator/confirm',
    children: html`
      ${field({
        name: 'code',
        label: texts.code,
        autocomplete: 'one-time-code',
        inputmode: 'numeric',
        problem,
        isFirst: problem !== null,
        isCode: true,
        maxLength: 10,
      })}
      ${submit(texts.submit)}
    `,
  });
}

const inFours = (secret: string) => secret.replace(/.{4}(?=.)/g, '$& ');

/** The secret is on this page alone: it is never read again. The picture comes from qrcode, and holds no text of others. */
function drawOffer(deps: PagesDeps, asked: AskedByPerson, { secret, uri, qrSvg }: OfferedTotp): Promise<Answer> {
  return step(deps, asked, {
    title: texts.title,
    lead: texts.lead,
    body: html`
      <ol class="steps">
        <li>
          <p>${texts.scan}</p>
          <div class="qr" role="img" aria-label=${texts.qr} dangerouslySetInnerHTML=${{ __html: qrSvg }}></div>
          <p class="hint"><a href=${uri}>${texts.openApp}</a></p>
          <p>${texts.type}</p>
          <p class="secret"><code>${inFours(secret)}</code></p>
        </li>
        <li><p>${texts.enter}</p>${codeForm(asked, null)}</li>
      </ol>
    `,
  });
}

/** After a wrong code: what was offered still stands in the app, and is not shown again (security K13). */
function drawAgain(deps: PagesDeps, asked: AskedByPerson, problem: Problem): Promise<Answer> {
  const over = html`<button class="quiet" type="submit">${texts.startOver}</button>`;
  const startOver = form(asked.ui, { action: '/account/authenticator', children: over });
  return step(deps, asked, {
    title: texts.title,
    lead: texts.again,
    problem,
    body: html`${codeForm(asked, problem)} ${startOver}`,
  });
}

async function offer(deps: PagesDeps, asked: AskedByPerson): Promise<Answer> {
  try {
    return await drawOffer(deps, asked, await offerAuthenticator(deps.people, asked.signed));
  } catch (error) {
    if (error instanceof Failure && error.code === 'conflict') return { goTo: asked.ui.at('/account') };
    throw error;
  }
}

async function confirm(deps: PagesDeps, asked: AskedByPerson): Promise<Answer> {
  const empty = missing(asked.form, ['code']);
  if (empty) return drawAgain(deps, asked, empty);
  const { people } = deps;
  try {
    const input = { code: (asked.form.get('code') ?? '').slice(0, 64) };
    const { backupCodes } = await confirmAuthenticator(people, asked.visit, asked.signed, input);
    if (backupCodes.length === 0) return { goTo: asked.ui.at('/account?done=app_added') };
    return drawCodes(deps, asked, backupCodes, texts.on);
  } catch (error) {
    const problem = problemOf(error);
    return drawAgain(deps, asked, problem.whole === null ? atField(problem, 'code', texts.wrong) : problem);
  }
}

async function drawRemoval(deps: PagesDeps, asked: AskedByPerson): Promise<Answer> {
  await requireRecentProof(deps.people, asked.signed);
  const remove = html`<button class="danger" type="submit">${texts.remove}</button>`;
  return step(deps, asked, {
    title: texts.removeTitle,
    lead: texts.removeLead,
    body: form(asked.ui, { action: '/account/authenticator/remove', children: remove }),
  });
}

export function authenticatorPages(deps: PagesDeps, { own }: Pages): PageRoute[] {
  return [
    own('POST', '/account/authenticator', (asked) => offer(deps, asked), '/account'),
    own('POST', '/account/authenticator/confirm', (asked) => confirm(deps, asked), '/account'),
    own('GET', '/account/authenticator/remove', (asked) => drawRemoval(deps, asked)),
    own('POST', '/account/authenticator/remove', async (asked) => {
      await removeAuthenticator(deps.people, asked.visit, asked.signed);
      return { goTo: asked.ui.at('/account?done=app_removed') };
    }),
  ];
}
