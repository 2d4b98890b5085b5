import { type AuthorizationError, isError, refuse } from './authorization-error.ts';
import type { AuthorizeDeps } from './deps.ts';
import { type Standing, standingOfCase } from './evaluate.ts';
import { findClient } from './find-client.ts';
import { giveCode } from './give-code.ts';
import type { Outcome } from './outcome.ts';
import type { AuthorizationParameters } from './parameters.ts';
import { storeRequest } from './requests.ts';
import { refused } from './respond.ts';
import { askedOutcome, type Visitor, visitorActor } from './resume.ts';
import { seenBy } from './seen-by.ts';
import { readRequest } from './steps/index.ts';

/** What `prompt=none` is told where something would be asked (OpenID Connect Core §3.1.2.6, security A17). */
const UNASKED: Record<Exclude<Standing['kind'], 'allowed'>, AuthorizationError> = {
  sign_in: refuse('login_required', 'Nobody is signed in, or not recently enough.'),
  other_person: refuse('login_required', 'Somebody else is signed in than the id_token_hint names.'),
  select_account: refuse('interaction_required', 'The person has to choose an account.'),
  choose_workspace: refuse('interaction_required', 'The person has to choose a workspace.'),
  blocked: refuse('interaction_required', 'The person has to see to their account first.'),
  consent: refuse('consent_required', 'The person has not allowed this yet.'),
};

/**
 * An authorization request as it comes in (RFC 6749 §4.1.1): the steps in their order, then who is there, then whether they
 * allowed it. What waits for a person is stored.
 */
export async function beginAuthorization(
  deps: AuthorizeDeps,
  params: AuthorizationParameters,
  visitor: Visitor,
): Promise<Outcome> {
  const found = await findClient(deps, params, visitor.address);
  if ('kind' in found) return found;
  const { address } = found;
  const application = await seenBy(deps, found.application, visitor.session);
  const request = readRequest({ params, application, address, facts: deps });
  if (isError(request)) return refused(deps, application, address, request);
  const { session } = visitor;
  const standing = await standingOfCase(deps, { request, application, session, waiting: null });
  if (standing.kind === 'allowed' && session !== null) {
    const { offer, isNew } = standing;
    const actor = visitorActor(visitor);
    return giveCode(deps, { request, application, session, offer, isNew, name: null, actor });
  }
  if (standing.kind === 'allowed') throw new Error('nobody allowed it');
  if (request.prompts.includes('none') || standing.kind === 'other_person') {
    return refused(deps, application, request, UNASKED[standing.kind]);
  }
  await deps.countRequest(visitor.address);
  const { text, browser } = await storeRequest(deps, request, {
    browser: visitor.browser,
    sessionId: session?.id ?? null,
  });
  return askedOutcome(deps, { text, request, application }, standing, { session, browser });
}
