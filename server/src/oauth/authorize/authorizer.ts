import type { Application } from '../../applications/index.ts';
import { answerAuthorization, type PersonAnswer } from './answer.ts';
import { beginAuthorization } from './begin.ts';
import type { AuthorizeDeps } from './deps.ts';
import type { Outcome } from './outcome.ts';
import type { AuthorizationParameters } from './parameters.ts';
import { findRequest, pruneRequests } from './requests.ts';
import { resumeAuthorization, type Visitor } from './resume.ts';

/** The authorization endpoint, without the pages that it shows. */
export interface Authorizer {
  begin(params: AuthorizationParameters, visitor: Visitor): Promise<Outcome>;
  /** Goes on with a stored request, named by its text. */
  resume(text: string, visitor: Visitor): Promise<Outcome>;
  answer(text: string, visitor: Visitor, answer: PersonAnswer): Promise<Outcome>;
  /** Who waits behind a stored request, and where it will be answered, for the pages on the way; null when there is none. */
  waitingFor(
    text: string,
    visitor: Pick<Visitor, 'browser' | 'address'>,
  ): Promise<{ application: Application; redirectUri: string } | null>;
  prune(): Promise<void>;
}

/** Counts what has come to its end; who is asked something has not. */
function counted({ onAnswered }: AuthorizeDeps, outcome: Outcome): Outcome {
  if ('error' in outcome) onAnswered({ outcome: outcome.error ?? 'code' });
  return outcome;
}

export function createAuthorizer(deps: AuthorizeDeps): Authorizer {
  return {
    begin: async (params, visitor) => counted(deps, await beginAuthorization(deps, params, visitor)),
    resume: async (text, visitor) => counted(deps, await resumeAuthorization(deps, text, visitor)),
    answer: async (text, visitor, answer) => counted(deps, await answerAuthorization(deps, text, visitor, answer)),
    waitingFor: async (text, { browser, address }) => {
      const stored = await findRequest(deps, text, browser);
      const application = stored && (await deps.applications.find(stored.request.clientId, address));
      return application && { application, redirectUri: stored.request.redirectUri };
    },
    prune: async () => {
      await pruneRequests(deps);
      await deps.codes.prune();
    },
  };
}
