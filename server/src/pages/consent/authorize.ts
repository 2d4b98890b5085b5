import { readSecret } from '@latchkey/protocol';
import { Failure } from '../../failure.ts';
import type { PageCall, PageRoute } from '../../http/index.ts';
import { type Outcome, type PersonAnswer, REQUEST_TTL_MS, readParameters } from '../../oauth/index.ts';
import type { Answer, Asked, Pages, PagesDeps } from '../surface/page.ts';
import { plainUi, seeOther } from '../surface/page.ts';
import { BROWSER_COOKIE, CONSENT_PATH, consentPath } from '../surface/way-out.ts';
import { drawAccountChoice, drawWorkspaceChoice } from './choices.ts';
import { drawConsent } from './consent-page.ts';
import { drawFormPost } from './form-post.ts';
import { drawBlocked, drawGone, drawRefused, drawUnanswerable } from './refusals.ts';

const PATHS = ['/oauth/authorize', '/authorize'] as const;
const BROWSER_SECONDS = (2 * REQUEST_TTL_MS) / 1000;
/** A line of a request holds no more. */
const LONGEST_QUERY = 12_000;

const visitorOf = ({ session, cookie, address, requestId }: Asked) => ({
  session,
  browser: cookie(BROWSER_COOKIE) ?? null,
  address,
  requestId,
});

type Waiting = Extract<Outcome, { browser: string }>;

function signInPath({ ui }: Asked, { question, standing }: Extract<Outcome, { kind: 'asked' }>): string {
  const query = new URLSearchParams({ return_to: consentPath(ui, question.text) });
  const { loginHint } = question.request;
  if (loginHint !== null) query.set('login_hint', loginHint);
  if (standing.kind === 'sign_in' && standing.again) query.set('again', 'fresh');
  return `${ui.at('/sign-in')}?${query}`;
}

/** What a request waits for, on its page. */
async function drawWaiting(deps: PagesDeps, asked: Asked, outcome: Waiting): Promise<Answer> {
  if (outcome.kind === 'consent') return drawConsent(deps, asked, outcome);
  if (outcome.kind === 'blocked') return drawBlocked(deps, asked, outcome);
  const { question, standing } = outcome;
  if (standing.kind === 'select_account') return drawAccountChoice(deps, asked, question);
  if (standing.kind === 'choose_workspace') return drawWorkspaceChoice(asked, question, standing.options);
  return { goTo: signInPath(asked, outcome) };
}

/** What an outcome is for a browser. `isHere`: the page of the waiting request is what was asked for. */
function answerOf(deps: PagesDeps, asked: Asked, outcome: Outcome, isHere: boolean): Answer | Promise<Answer> {
  switch (outcome.kind) {
    case 'answer':
      return outcome.response.mode === 'query'
        ? { goTo: outcome.response.location }
        : drawFormPost(asked, outcome.response);
    case 'unanswerable':
      return drawUnanswerable(asked.ui, outcome);
    case 'refused':
      return drawRefused(asked.ui, outcome);
    case 'gone':
      return drawGone(asked.ui);
    default:
      asked.setCookie(BROWSER_COOKIE, outcome.browser, BROWSER_SECONDS);
      if (isHere) return drawWaiting(deps, asked, outcome);
      if (outcome.kind === 'asked' && outcome.standing.kind === 'sign_in') return { goTo: signInPath(asked, outcome) };
      return { goTo: consentPath(asked.ui, outcome.question.text) };
  }
}

/** What proves a client means nothing here, and would stay in histories and logs. */
const PROOFS = new Set(['client_secret', 'client_assertion']);

function mayStandInUrl([name, value]: readonly [string, string]): boolean {
  const kind = readSecret(value);
  return !PROOFS.has(name) && (kind === 'foreign' || kind === 'malformed');
}

/**
 * OpenID Connect Core §3.1.2.1: a request may come as a form of the application's page. Such a form brings no cookies along,
 * so it is asked again by GET; what occurred twice still does (security A5). Secrets that were sent along are left out.
 */
function asQuery(deps: PagesDeps, { query, form }: PageCall) {
  const all = new URLSearchParams([...query, ...form].filter(mayStandInUrl)).toString();
  const ui = plainUi(deps);
  if (all.length <= LONGEST_QUERY) return seeOther(`${ui.at(PATHS[0])}?${all}`);
  throw new Failure('payload_too_large');
}

function answerIn({ form }: Asked): PersonAnswer | null {
  const [decision, workspaceId, account] = [form.get('decision'), form.get('workspace'), form.get('account')];
  if (decision === 'allow') return { decision, terms: form.get('terms') ?? '' };
  if (decision === 'deny') return { decision };
  if (workspaceId !== null) return { workspaceId };
  return account === 'continue' ? { account } : null;
}

export function authorizePages(deps: PagesDeps, { open }: Pages): PageRoute[] {
  const { authorizer } = deps.oauth;
  const begin = (path: string): PageRoute[] => [
    open('GET', path, async (asked) => {
      const outcome = await authorizer.begin(readParameters(asked.query), visitorOf(asked));
      return answerOf(deps, asked, outcome, false);
    }),
    { method: 'POST', path, fromAnywhere: true, handler: (call) => asQuery(deps, call) },
  ];
  return [
    ...PATHS.flatMap(begin),
    open('GET', CONSENT_PATH, async (asked) => {
      const outcome = await authorizer.resume(asked.query.get('request') ?? '', visitorOf(asked));
      return answerOf(deps, asked, outcome, true);
    }),
    open('POST', CONSENT_PATH, async (asked) => {
      const [text, visitor, answer] = [asked.form.get('request') ?? '', visitorOf(asked), answerIn(asked)];
      if (answer === null) return { goTo: consentPath(asked.ui, text) };
      return answerOf(deps, asked, await authorizer.answer(text, visitor, answer), false);
    }),
  ];
}
