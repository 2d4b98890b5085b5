import { type OwnWorkspace, ROLE_SCOPES, type SessionRecord } from '../../accounts/index.ts';
import type { Application } from '../../applications/index.ts';
import { consentNeeded, type Grant } from '../consent/index.ts';
import { narrowScopes } from '../scope.ts';
import type { AuthorizeDeps } from './deps.ts';
import { loginNeeded, type Waiting } from './login.ts';
import { type Blocked, findPlace } from './place.ts';
import type { AuthorizationRequest } from './request.ts';
import { isLoopback } from './steps/index.ts';

/** What the application would get if the person said yes, or has said so. */
export interface Offer {
  workspaceId: string;
  /** What was asked for, and the person's role allows. */
  scopes: readonly string[];
  /** What they let the application do before. */
  grant: Grant | null;
  /** Where it would be answered, as the grant remembers it; null where somebody vouched for that. */
  redirect: string | null;
}

/** How things stand with a request whose client is in order. */
export type Standing =
  | { kind: 'sign_in'; again: boolean }
  | { kind: 'select_account' }
  | { kind: 'other_person' }
  | { kind: 'choose_workspace'; options: readonly OwnWorkspace[] }
  | { kind: 'blocked'; reason: Blocked }
  | { kind: 'consent'; offer: Offer }
  /** `isNew`: nobody need be asked, but it is more than was allowed so far. */
  | { kind: 'allowed'; offer: Offer; isNew: boolean };

export interface Case {
  request: AuthorizationRequest;
  application: Application;
  session: SessionRecord | null;
  /** Null for a request that has just come in. */
  waiting: (Waiting & { workspaceId: string | null }) | null;
}

const CUSTOM_SCHEME = /^(?!https?:)/i;

/** A redirect URI that any program on a device could have, with its port; any of them, where the client registered itself. */
function unprovedRedirect({ isSelfRegistered }: Application, redirectUri: string): string | null {
  return isSelfRegistered || isLoopback(redirectUri) || CUSTOM_SCHEME.test(redirectUri) ? redirectUri : null;
}

/** What the role allows of what was asked for; who the person is, they may tell in every role. */
function scopesOf({ catalogue }: AuthorizeDeps, { scopes }: AuthorizationRequest, role: keyof typeof ROLE_SCOPES) {
  const identity = scopes.filter((scope) => catalogue.get(scope)?.kind === 'identity');
  return narrowScopes(catalogue, scopes, [...ROLE_SCOPES[role], ...identity]);
}

/** Whether anybody has to do something before a code is given, and what. Reads only. */
export async function standingOfCase(deps: AuthorizeDeps, subject: Case): Promise<Standing> {
  const { request, application, session, waiting } = subject;
  const login = loginNeeded(request, session, waiting, deps.clock.nowMs());
  if (login.need === 'sign_in') return { kind: 'sign_in', again: login.again };
  if (session === null) return { kind: 'sign_in', again: false };
  if (login.need === 'other') return { kind: 'other_person' };
  if (login.need === 'select_account') return { kind: 'select_account' };
  const place = await findPlace(deps, { request, session, chosenId: waiting?.workspaceId ?? null });
  if (place.kind === 'blocked') return place;
  if (place.kind === 'choose') return { kind: 'choose_workspace', options: place.options };
  const { workspaceId, role, grant } = place;
  const scopes = scopesOf(deps, request, role);
  if (scopes.length === 0) return { kind: 'blocked', reason: 'role' };
  const redirect = unprovedRedirect(application, request.redirectUri);
  const isAskedFor = request.prompts.includes('consent');
  const offer: Offer = { workspaceId, scopes, grant, redirect };
  const question = { application, grant, scopes, unproved: redirect, isAskedFor };
  const need = consentNeeded(deps.catalogue, question);
  return need === 'ask' ? { kind: 'consent', offer } : { kind: 'allowed', offer, isNew: need === 'implied' };
}
