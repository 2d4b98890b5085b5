import type { Application } from '../../applications/index.ts';
import type { AuthorizeDeps } from './deps.ts';
import type { Outcome, Unanswerable } from './outcome.ts';
import type { AuthorizationParameters } from './parameters.ts';
import type { ReturnAddress } from './request.ts';
import { redirectUriOf, repeatedInAddress, responseModeOf } from './steps/index.ts';

export type ClientFound =
  | { application: Application; address: ReturnAddress }
  | Extract<Outcome, { kind: 'unanswerable' }>;

function unanswerable(why: Unanswerable, detail: string | null): Extract<Outcome, { kind: 'unanswerable' }> {
  const isClient = why === 'unknown_client' || why === 'disabled_client';
  return { kind: 'unanswerable', why, error: isClient ? 'invalid_client' : 'invalid_request', detail };
}

/**
 * RFC 6749 §4.1.2.1: before it is sure who asks and where the answer goes, nothing is sent anywhere: the person is told
 * (security A1, A2, A26).
 */
export async function findClient(deps: AuthorizeDeps, params: AuthorizationParameters): Promise<ClientFound> {
  if (!params.isReadable) return unanswerable('unreadable', null);
  const twice = repeatedInAddress(params);
  if (twice !== null) return unanswerable('repeated', twice);
  const clientId = params.get('client_id');
  if (clientId === null) return unanswerable('unknown_client', null);
  const application = deps.applications.peek(clientId) ?? (await deps.applications.find(clientId));
  if (!application) return unanswerable('unknown_client', clientId);
  if (application.isDisabled) return unanswerable('disabled_client', application.name);
  const named = params.get('redirect_uri');
  const redirectUri = redirectUriOf(application, named);
  if (redirectUri === null) return unanswerable(named === null ? 'no_redirect_uri' : 'redirect_uri', named);
  const responseMode = responseModeOf(params.get('response_mode'));
  return { application, address: { clientId, redirectUri, state: params.get('state'), responseMode } };
}
