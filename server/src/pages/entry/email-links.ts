import {
  completeEmailChange,
  completeVerification,
  type People,
  peekMailLink,
  requirePerson,
} from '../../accounts/index.ts';
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

type Complete = (people: People, asked: Asked, token: string) => Promise<{ email: string }>;

interface Confirmation {
  purpose: 'verify_email' | 'change_email';
  path: string;
  done: string;
  /** Whether it works only in a session of the account that it is about. */
  isOwn: boolean;
  complete: Complete;
}

const verify: Complete = (people, { visit }, token) => completeVerification(people, visit, { token });

const change: Complete = async (people, { visit, session }, token) => {
  if (session === null) throw new Failure('invalid_token');
  return completeEmailChange(people, visit, { userId: session.userId, sessionId: session.id }, { token });
};

const CONFIRMATIONS: readonly Confirmation[] = [
  { purpose: 'verify_email', path: '/email/verify', done: 'email_verified', isOwn: false, complete: verify },
  { purpose: 'change_email', path: '/email/change', done: 'email_changed', isOwn: true, complete: change },
];

function draw({ ui }: Asked, { purpose, path }: Confirmation, email: string, problem: Problem | null = null): Answer {
  const { title, lead, submit: confirm } = TEXTS.emailLinks[purpose];
  const body = html`${wholeProblem(problem)} ${form(ui, { action: path, children: submit(confirm) })}`;
  const document = entryPage(ui, { title, lead: lead(email), body, hasProblem: problem !== null });
  return withProblem(document, problem);
}

/** Signed in to another account than the link is for: nothing changes, and the way is to sign out. */
async function drawOther(people: People, { ui }: Asked, { path }: Confirmation, userId: string): Promise<Answer> {
  const { title, lead } = TEXTS.emailLinks.other;
  const { email } = await requirePerson(people, userId);
  const out = html`<button class="secondary" type="submit">${TEXTS.account.signOut}</button>`;
  const body = html`
    <p class="note warning">${TEXTS.emailLinks.other.signedIn(email)}</p>
    ${form(ui, { action: '/sign-out', hidden: { return_to: ui.at(path) }, children: out })}
  `;
  return { document: entryPage(ui, { title, lead, body }), status: 403 };
}

type Next = (token: string, email: string) => Answer | Promise<Answer>;

/** The link as it stands in the cookie, if it works, and if this person may open it; signing in comes back to it. */
async function withLink({ people }: PagesDeps, asked: Asked, what: Confirmation, next: Next): Promise<Answer> {
  const link = linkToken(asked, what.purpose);
  if (link && 'moved' in link) return { goTo: asked.ui.at(what.path) };
  const found = link && (await peekMailLink(people, what.purpose, link.token));
  if (!found) return deadLink(asked, what.purpose);
  const { session } = asked;
  if (what.isOwn && session === null) throw new Failure('invalid_token');
  if (what.isOwn && session !== null && session.userId !== found.userId) {
    return drawOther(people, asked, what, session.userId);
  }
  return next(link.token, found.email);
}

function confirm(deps: PagesDeps, asked: Asked, what: Confirmation): Promise<Answer> {
  return withLink(deps, asked, what, async (token, email) => {
    try {
      await what.complete(deps.people, asked, token);
      forgetLink(asked, what.purpose);
      const next = asked.session === null ? '/sign-in' : '/account';
      return { goTo: asked.ui.at(`${next}?done=${what.done}`) };
    } catch (error) {
      if (error instanceof Failure && error.code === 'invalid_request') return deadLink(asked, what.purpose);
      return draw(asked, what, email, problemOf(error));
    }
  });
}

/** What the links of mails open that confirm an address. Opening one changes nothing: a button does. */
export function emailLinkPages(deps: PagesDeps, { open }: Pages): PageRoute[] {
  return CONFIRMATIONS.flatMap((what) => [
    open('GET', what.path, (asked) => withLink(deps, asked, what, (_token, email) => draw(asked, what, email))),
    open('POST', what.path, (asked) => confirm(deps, asked, what)),
  ]);
}
