import type { Application, Applications } from '../../applications/index.ts';
import { OAuthFailure } from '../../failure.ts';
import { type AuthorizationParameters, type HintDeps, type IdTokenHint, readIdTokenHint } from '../authorize/index.ts';

export interface LogoutDeps extends HintDeps {
  applications: Pick<Applications, 'find'>;
}

/** Why a request for signing out leads nowhere. */
export type LogoutRefusal = 'repeated' | 'unknown_client' | 'other_client' | 'no_client' | 'redirect_uri';

/** Where the browser goes once the person is signed out, and for whom. */
export interface LogoutReturn {
  application: Application;
  location: string;
}

/** What is to be done when an application asks for its person to be signed out. */
export type LogoutOutcome =
  | { kind: 'refused'; why: LogoutRefusal }
  /** The session ends, and the browser goes on; null: to a page of ours. */
  | { kind: 'end'; back: LogoutReturn | null }
  /** The person is asked. */
  | { kind: 'ask'; back: LogoutReturn | null }
  /** Nobody is signed in. */
  | { kind: 'over'; back: LogoutReturn | null };

function locationOf(redirectUri: string, state: string | null): string {
  if (state === null) return redirectUri;
  return `${redirectUri}${redirectUri.includes('?') ? '&' : '?'}${new URLSearchParams({ state })}`;
}

type Back = { back: LogoutReturn | null; hint: IdTokenHint | null } | { kind: 'refused'; why: LogoutRefusal };
const refused = (why: LogoutRefusal): Back => ({ kind: 'refused', why });

/** Null also for one that may not act any more, and for one whose document cannot be used: it is followed nowhere. */
async function living({ applications }: LogoutDeps, clientId: string, namedFrom: string): Promise<Application | null> {
  try {
    const application = await applications.find(clientId, namedFrom);
    return application === null || application.isDisabled ? null : application;
  } catch (error) {
    if (error instanceof OAuthFailure) return null;
    throw error;
  }
}

/**
 * Where a request for signing out may lead: only where the application that it names has registered, character by character
 * (OpenID Connect RP-Initiated Logout §3, security E8).
 */
async function readBack(deps: LogoutDeps, params: AuthorizationParameters, namedFrom: string): Promise<Back> {
  if (params.repeated.size > 0 || !params.isReadable) return refused('repeated');
  const idToken = params.get('id_token_hint');
  const hint = idToken === null ? null : readIdTokenHint(deps, idToken);
  const named = params.get('client_id');
  if (named !== null && hint !== null && named !== hint.clientId) return refused('other_client');
  const clientId = named ?? hint?.clientId ?? null;
  const application = clientId === null ? null : await living(deps, clientId, namedFrom);
  if (clientId !== null && application === null) return refused('unknown_client');
  const redirectUri = params.get('post_logout_redirect_uri');
  if (redirectUri === null) return { back: null, hint };
  if (application === null) return refused('no_client');
  if (!application.postLogoutRedirectUris.includes(redirectUri)) return refused('redirect_uri');
  return { back: { application, location: locationOf(redirectUri, params.get('state')) }, hint };
}

/**
 * RP-Initiated Logout §2: at once for whom an ID token of ours names, expired or not; anybody else is asked first, or a link
 * would sign people out (security E7).
 */
export async function readLogout(
  deps: LogoutDeps,
  params: AuthorizationParameters,
  { userId, address }: { userId: string | null; address: string },
): Promise<LogoutOutcome> {
  const found = await readBack(deps, params, address);
  if ('kind' in found) return found;
  const { back, hint } = found;
  if (userId === null) return { kind: 'over', back };
  return { kind: hint?.userId === userId ? 'end' : 'ask', back };
}
