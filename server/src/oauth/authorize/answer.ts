import { refuse } from './authorization-error.ts';
import type { AuthorizeDeps } from './deps.ts';
import { giveCode } from './give-code.ts';
import type { Outcome } from './outcome.ts';
import { responseTo } from './response.ts';
import { goOn, lookAgain, type Resumed, termsOf, type Visitor, visitorActor } from './resume.ts';
import { noteChoice, takeRequest } from './store.ts';

/** What a person answers on a page. */
export type PersonAnswer =
  | { decision: 'allow'; terms: string }
  | { decision: 'deny' }
  | { workspaceId: string }
  | { account: 'continue' };

async function deny(deps: AuthorizeDeps, { stored, application }: Resumed, visitor: Visitor): Promise<Outcome> {
  const { name, request } = stored;
  const isTaken = await deps.database.write(async (tx) => {
    if (!(await takeRequest(tx, name, deps.clock.nowMs()))) return false;
    await deps.recordAudit(tx, {
      action: 'authorization.denied',
      actor: visitorActor(visitor),
      workspaceId: application.workspaceId,
      environment: application.environment,
      targetId: application.id,
      data: { user_id: visitor.session?.userId ?? null, scopes: request.scopes },
    });
    return true;
  });
  if (!isTaken) return { kind: 'gone' };
  const error = refuse('access_denied', 'The person said no.');
  return { kind: 'answer', response: responseTo(request, deps.issuer(), error), error: error.error };
}

/** Yes, if it is what was shown; else it is shown anew. */
function allow(deps: AuthorizeDeps, resumed: Resumed, visitor: Visitor, terms: string): Promise<Outcome> {
  const { stored, application, standing } = resumed;
  const { session } = visitor;
  const isShown = standing.kind === 'consent' && session !== null;
  if (!isShown || termsOf(resumed.question.text, session, standing.offer) !== terms) {
    return goOn(deps, resumed, visitor);
  }
  const { request, name } = stored;
  const { offer } = standing;
  return giveCode(deps, { request, application, session, offer, isNew: true, name, actor: visitorActor(visitor) });
}

async function choose(
  deps: AuthorizeDeps,
  text: string,
  { stored }: Resumed,
  visitor: Visitor,
  choice: { workspace_id: string } | { account_id: string },
): Promise<Outcome> {
  await deps.database.write((tx) => noteChoice(tx, stored.name, choice));
  const next = await lookAgain(deps, text, visitor);
  return next === null ? { kind: 'gone' } : goOn(deps, next, visitor);
}

/**
 * A person's answer to a waiting request. What the form names is only which request, and what of it was shown: everything
 * else is what is stored (security A14). Each is used up once.
 */
export async function answerAuthorization(
  deps: AuthorizeDeps,
  text: string,
  visitor: Visitor,
  answer: PersonAnswer,
): Promise<Outcome> {
  const resumed = await lookAgain(deps, text, visitor);
  if (resumed === null) return { kind: 'gone' };
  const { session } = visitor;
  if (session === null) return goOn(deps, resumed, visitor);
  if ('workspaceId' in answer) return choose(deps, text, resumed, visitor, { workspace_id: answer.workspaceId });
  if ('account' in answer) return choose(deps, text, resumed, visitor, { account_id: session.userId });
  return answer.decision === 'deny' ? deny(deps, resumed, visitor) : allow(deps, resumed, visitor, answer.terms);
}
