import type { SessionRecord } from '../../accounts/index.ts';
import type { Application } from '../../applications/index.ts';
import type { Actor } from '../../audit/index.ts';
import { sha256Hex } from '../../crypto/index.ts';
import { refuse } from './authorization-error.ts';
import type { AuthorizeDeps } from './deps.ts';
import { type Offer, type Standing, standingOfCase } from './evaluate.ts';
import { giveCode } from './give-code.ts';
import type { Outcome, Question } from './outcome.ts';
import { findRequest, type StoredRequest } from './requests.ts';
import { refused } from './respond.ts';
import { linkTo, responseTo } from './response.ts';
import { seenBy } from './seen-by.ts';
import { redirectUriOf } from './steps/index.ts';

/** Who comes with a request. */
export interface Visitor {
  session: SessionRecord | null;
  /** The cookie of the browser that waiting requests belong to. */
  browser: string | null;
  address: string;
  requestId: string;
}

export function visitorActor({ session, requestId, address }: Visitor): Actor {
  return { kind: 'user', id: session?.userId ?? null, requestId, address };
}

/** What a person was shown: said yes to something else, they are asked again. */
export function termsOf(text: string, session: SessionRecord, { workspaceId, scopes }: Offer): string {
  return sha256Hex(JSON.stringify([text, session.userId, workspaceId, scopes]));
}

/** A request that has to wait for its person, as a page asks them. */
export function askedOutcome(
  { issuer }: AuthorizeDeps,
  question: Question,
  standing: Exclude<Standing, { kind: 'allowed' | 'other_person' }>,
  { session, browser }: { session: SessionRecord | null; browser: string },
): Outcome {
  if (standing.kind === 'blocked') {
    const error = refuse('access_denied', 'The person cannot allow this.');
    const link = linkTo(responseTo(question.request, issuer(), error));
    return { kind: 'blocked', question, reason: standing.reason, link, browser };
  }
  if (standing.kind !== 'consent') return { kind: 'asked', question, standing, browser };
  if (session === null) throw new Error('nobody can be asked');
  const { offer } = standing;
  return { kind: 'consent', question, offer, terms: termsOf(question.text, session, offer), browser };
}

/** A request that waits, with its application as it is now, and how things stand with it. */
export interface Resumed {
  stored: StoredRequest;
  application: Application;
  standing: Standing;
  question: Question;
  browser: string;
}

/** Null when there is no such request any more, for this browser. */
export async function lookAgain(deps: AuthorizeDeps, text: string, visitor: Visitor): Promise<Resumed | null> {
  const { browser, session } = visitor;
  const stored = await findRequest(deps, text, browser);
  const found = stored && (await deps.applications.find(stored.request.clientId, visitor.address));
  if (!stored || !found || found.isDisabled || browser === null) return null;
  const { request } = stored;
  // Its maker may have taken the address away since.
  if (redirectUriOf(found, request.redirectUri) === null) return null;
  const application = await seenBy(deps, found, session);
  const standing = await standingOfCase(deps, { request, application, session, waiting: stored });
  return { stored, application, standing, question: { text, request, application }, browser };
}

/** Goes on with a request that waits: asks the next thing, or answers. */
export async function goOn(deps: AuthorizeDeps, resumed: Resumed, visitor: Visitor): Promise<Outcome> {
  const { stored, application, standing, question, browser } = resumed;
  const { session } = visitor;
  const { request, name } = stored;
  if (standing.kind === 'other_person') {
    const error = refuse('login_required', 'Somebody else signed in than the id_token_hint names.');
    return refused(deps, application, request, error);
  }
  if (standing.kind !== 'allowed') return askedOutcome(deps, question, standing, { session, browser });
  if (session === null) throw new Error('nobody allowed it');
  const { offer, isNew } = standing;
  return giveCode(deps, { request, application, session, offer, isNew, name, actor: visitorActor(visitor) });
}

export async function resumeAuthorization(deps: AuthorizeDeps, text: string, visitor: Visitor): Promise<Outcome> {
  const resumed = await lookAgain(deps, text, visitor);
  return resumed === null ? { kind: 'gone' } : goOn(deps, resumed, visitor);
}
