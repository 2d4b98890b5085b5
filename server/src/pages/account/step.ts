import { requirePerson } from '../../accounts/index.ts';
import { type AccountTab, accountPage } from '../look/account-page.ts';
import { wholeProblem } from '../look/form.ts';
import { html, type Markup } from '../look/html.ts';
import type { Answer, AskedByPerson, PagesDeps } from '../surface/page.ts';
import { type Problem, withProblem } from '../surface/problem.ts';

export interface StepParts {
  title: string;
  lead?: Markup;
  body: Markup;
  tab?: AccountTab;
  problem?: Problem | null;
  usesPasskeys?: boolean;
}

/** A page for one change to the account, with the way back. */
export async function step({ people }: PagesDeps, { ui, signed }: AskedByPerson, parts: StepParts): Promise<Answer> {
  const { title, lead, body, tab = 'security', problem = null, usesPasskeys = false } = parts;
  const { email } = await requirePerson(people, signed.userId);
  const document = accountPage(ui, {
    title,
    email,
    tab,
    lead,
    isStep: true,
    hasProblem: problem !== null,
    usesPasskeys,
    body: html`${wholeProblem(problem)} ${body}`,
  });
  return withProblem(document, problem);
}
