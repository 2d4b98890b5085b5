import type { Application } from '../../../applications/index.ts';
import type { Resource } from '../../../resources/index.ts';
import type { ScopeCatalogue } from '../../../scopes/index.ts';
import type { AuthorizationError } from '../authorization-error.ts';
import type { AuthorizationParameters } from '../parameters.ts';
import type { AuthorizationRequest } from '../request.ts';

/** What steps ask of the rest of the house: all from memory. */
export interface StepFacts {
  catalogue: ScopeCatalogue;
  resources: {
    byAudience(audience: string): Resource | undefined;
    default(): Resource;
    offering(scope: string): Resource;
  };
  /** The user that an ID token of ours was given for, to this client; null when it is none. */
  readHint(idToken: string, clientId: string): string | null;
}

export interface StepInput {
  params: AuthorizationParameters;
  application: Application;
  /** What the steps before have found out. */
  request: AuthorizationRequest;
  facts: StepFacts;
}

/** One rule: what it finds out of a request, or why the request is refused. Pure. */
export type Step = (input: StepInput) => Partial<AuthorizationRequest> | AuthorizationError;
