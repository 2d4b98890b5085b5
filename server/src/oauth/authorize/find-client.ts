import { type Application, isConfidential } from '../../applications/index.ts';
import { OAuthFailure } from '../../failure.ts';
import type { AuthorizeDeps } from './deps.ts';
import type { Outcome, Unanswerable } from './outcome.ts';
import type { AuthorizationParameters } from './parameters.ts';
import type { ReturnAddress } from './request.ts';
import { redirectUriOf, repeatedInAddress, responseModeOf } from './steps/index.ts';

export type ClientFound =
  | { application: Application; address: ReturnAddress }
  | Extract<Outcome, { kind: 'unanswerable' }>;

function unanswerable(why: Unanswerable, detail: string | null): Extract<Outcome, { kind: 'unanswerable' }> {
  const isClient = why === 'unknown_client' || why === 'client_document' || why === 'disabled_client';
  return { kind: 'unanswerable', why, error: isClient ? 'invalid_client' : 'invalid_request', detail };
}

/** From memory, the database, or the web: a client whose document cannot be used is told on the page, with the reason. */
async function lookUp({ applications }: AuthorizeDeps, clientId: string, namedFrom: string) {
  try {
    return await applications.find(clientId, namedFrom);
  } catch (error) {
    if (error instanceof OAuthFailure) return unanswerable('client_document', error.message);
    throw error;
  }
}

/**
 * RFC 6749 §4.1.2.1: before it is sure who asks and where the answer goes, nothing is sent anywhere: the person is told
 * (security A1, A2, A26).
 */
export async function findClient(
  deps: AuthorizeDeps,
  params: AuthorizationParameters,
  namedFrom: string,
): Promise<ClientFound> {
  if (!params.isReadable) return unanswerable('unreadable', null);
  const twice = repeatedInAddress(params);
  if (twice !== null) return unanswerable('repeated', twice);
  const clientId = params.get('client_id');
  if (clientId === null) return unanswerable('unknown_client', null);
  const application = deps.applications.peek(clientId) ?? (await lookUp(deps, clientId, namedFrom));
  if (application && 'kind' in application) return application;
  if (!application) return unanswerable('unknown_client', clientId);
  if (application.isDisabled) return unanswerable('disabled_client', application.name);
  const named = params.get('redirect_uri');
  const redirectUri = redirectUriOf(application, named);
  if (redirectUri === null) {
    if (named === null) return unanswerable('no_redirect_uri', null);
    return unanswerable(isConfidential(application) ? 'redirect_uri' : 'loopback_redirect_uri', named);
  }
  const responseMode = responseModeOf(params.get('response_mode'));
  return { application, address: { clientId, redirectUri, state: params.get('state'), responseMode } };
}
