// Boundary: the rules of an authorization request, one a file, each with its section; and the table that orders them.
// Pure: what they need is handed to them. Whoever is signed in, and what they allow, comes after.
import type { Application } from '../../../applications/index.ts';
import { type AuthorizationError, isError } from '../authorization-error.ts';
import type { AuthorizationParameters } from '../parameters.ts';
import type { AuthorizationRequest, ReturnAddress } from '../request.ts';
import { authorizationDetails } from './authorization-details.ts';
import { clientMay } from './client-may.ts';
import { hints } from './hints.ts';
import { maxAge } from './max-age.ts';
import { nonce } from './nonce.ts';
import { pkce } from './pkce.ts';
import { prompt } from './prompt.ts';
import { requestObjects } from './request-objects.ts';
import { resource } from './resource.ts';
import { responseMode } from './response-mode.ts';
import { responseType } from './response-type.ts';
import { scope } from './scope.ts';
import { singleParameters } from './single-parameters.ts';
import { state } from './state.ts';
import type { Step, StepFacts } from './step.ts';

export { isLoopback, redirectUriOf } from './redirect-uri.ts';
export { responseModeOf } from './response-mode.ts';
export { repeatedInAddress } from './single-parameters.ts';
export type { StepFacts } from './step.ts';

/** In this order: the first that refuses is what the application is told. */
export const STEPS: readonly Step[] = [
  singleParameters,
  state,
  responseType,
  responseMode,
  requestObjects,
  authorizationDetails,
  clientMay,
  pkce,
  resource,
  scope,
  prompt,
  maxAge,
  nonce,
  hints,
];

export interface Asked {
  params: AuthorizationParameters;
  application: Application;
  address: ReturnAddress;
  facts: StepFacts;
}

/** Runs every step over a request whose client and redirect URI are known. Pure. */
export function readRequest({ params, application, address, facts }: Asked): AuthorizationRequest | AuthorizationError {
  const request: AuthorizationRequest = {
    ...address,
    namedRedirectUri: params.get('redirect_uri'),
    scopes: [],
    audience: '',
    codeChallenge: null,
    nonce: null,
    prompts: [],
    maxAgeSeconds: null,
    hintedUserId: null,
    loginHint: null,
  };
  for (const step of STEPS) {
    const found = step({ params, application, request, facts });
    if (isError(found)) return found;
    Object.assign(request, found);
  }
  return request;
}
