import { completeEmailChange, completeVerification, peekMailLink } from '../../accounts/index.ts';
import { Failure } from '../../failure.ts';
import type { PageRoute } from '../../http/index.ts';
import { entryPage } from '../look/entry-page.ts';
import { form, submit, wholeProblem } from '../look/form.ts';
import { html } from '../look/html.ts';
import { forgetLink, linkToken } from '../surface/mail-link.ts';
import type { Answer, Asked, Pages, PagesDeps } from '../surface/page.ts';
import { type Problem, problemOf, withProblem } from '../surface/problem.ts';
import { TEXTS } from '../texts.ts';
import { deadLink } from './dead-link.ts';

interface Confirmation {
  purpose: 'verify_email' | 'change_email';
  path: string;
  done: string;
  complete: typeof completeVerification;
}

const CONFIRMATIONS: readonly Confirmation[] = [
  { purpose: 'verify_email', path: '/email/verify', done: 'email_verified', complete: completeVerification },
  { purpose: 'change_email', path: '/email/change', done: 'email_changed', complete: completeEmailChange },
];

function draw({ ui }: Asked, { purpose, path }: Confirmation, email: string, problem: Problem | null = null): Answer {
  const { title, lead, submit: confirm } = TEXTS.emailLinks[purpose];
  const body = html`${wholeProblem(problem)} ${form(ui, { action: path, children: submit(confirm) })}`;
  const document = entryPage(ui, { title, lead: lead(email), body, hasProblem: problem !== null });
  return withProblem(document, problem);
}

async function openLink({ people }: PagesDeps, asked: Asked, what: Confirmation): Promise<Answer> {
  const link = linkToken(asked, what.purpose);
  if (link && 'moved' in link) return { goTo: asked.ui.at(what.path) };
  const found = link && (await peekMailLink(people, what.purpose, link.token));
  return found ? draw(asked, what, found.email) : deadLink(asked, what.purpose);
}

async function confirm({ people }: PagesDeps, asked: Asked, what: Confirmation): Promise<Answer> {
  const link = linkToken(asked, what.purpose);
  const token = link && 'token' in link ? link.token : '';
  const found = await peekMailLink(people, what.purpose, token);
  if (!found) return deadLink(asked, what.purpose);
  try {
    await what.complete(people, asked.visit, { token });
    forgetLink(asked, what.purpose);
    const next = asked.session === null ? '/sign-in' : '/account';
    return { goTo: asked.ui.at(`${next}?done=${what.done}`) };
  } catch (error) {
    if (error instanceof Failure && error.code === 'invalid_request') return deadLink(asked, what.purpose);
    return draw(asked, what, found.email, problemOf(error));
  }
}

/** What the links of mails open that confirm an address. Opening one changes nothing: a button does. */
export function emailLinkPages(deps: PagesDeps, { open }: Pages): PageRoute[] {
  return CONFIRMATIONS.flatMap((what) => [
    open('GET', what.path, (asked) => openLink(deps, asked, what)),
    open('POST', what.path, (asked) => confirm(deps, asked, what)),
  ]);
}
