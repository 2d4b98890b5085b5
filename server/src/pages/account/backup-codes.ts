import { readOwnAccount, regenerateBackupCodes, requireRecentProof } from '../../accounts/index.ts';
import type { PageRoute } from '../../http/index.ts';
import { form, note, submit } from '../look/form.ts';
import { html } from '../look/html.ts';
import type { Answer, AskedByPerson, Pages, PagesDeps } from '../surface/page.ts';
import { TEXTS } from '../texts.ts';
import { step } from './step.ts';

const texts = TEXTS.backupCodes;

/** Shown on this page and never again. */
export function drawCodes(
  deps: PagesDeps,
  asked: AskedByPerson,
  codes: readonly string[],
  before?: string,
): Promise<Answer> {
  return step(deps, asked, {
    title: texts.title,
    lead: texts.lead,
    body: html`
      ${before && note(before)}
      <ul class="codes">
        ${codes.map((code) => html`<li><code>${code}</code></li>`)}
      </ul>
      <p class="hint">${texts.keep}</p>
      <p class="actions"><a class="button primary" href=${asked.ui.at('/account')}>${texts.kept}</a></p>
    `,
  });
}

async function drawRenewal(deps: PagesDeps, asked: AskedByPerson): Promise<Answer> {
  await requireRecentProof(deps.people, asked.signed);
  const { backupCodesLeft: left } = await readOwnAccount(deps.people, asked.signed);
  return step(deps, asked, {
    title: texts.renewTitle,
    lead: texts.renewLead(left),
    body: form(asked.ui, { action: '/account/backup-codes', children: submit(texts.renew) }),
  });
}

export function backupCodePages(deps: PagesDeps, { own }: Pages): PageRoute[] {
  return [
    own('GET', '/account/backup-codes', (asked) => drawRenewal(deps, asked)),
    own('POST', '/account/backup-codes', async (asked) => {
      return drawCodes(deps, asked, await regenerateBackupCodes(deps.people, asked.visit, asked.signed));
    }),
  ];
}
