import { listOwnWorkspaces, type OwnWorkspace, type SessionRecord, standingOf } from '../../accounts/index.ts';
import type { Role } from '../../http/index.ts';
import type { Grant } from '../consent/index.ts';
import type { AuthorizeDeps } from './deps.ts';
import type { AuthorizationRequest } from './request.ts';

/** Why a person cannot let an application act in a workspace. */
export type Blocked = 'no_workspace' | 'second_factor' | 'second_factor_proof' | 'suspended' | 'role';

/** Where the application is to act: in one workspace of the person. */
export type PlaceFound =
  | { kind: 'place'; workspaceId: string; role: Role; grant: Grant | null }
  | { kind: 'choose'; options: readonly OwnWorkspace[] }
  | { kind: 'blocked'; reason: Blocked };

interface Question {
  request: AuthorizationRequest;
  session: SessionRecord;
  /** The one that the person chose for this request. */
  chosenId: string | null;
}

const blocked = (reason: Blocked): PlaceFound => ({ kind: 'blocked', reason });

function grantAt(deps: AuthorizeDeps, { request, session }: Question, workspaceId: string): Promise<Grant | null> {
  const { clientId, audience } = request;
  return deps.grants.find({ userId: session.userId, clientId, workspaceId, audience });
}

/** The session's own workspace, where the application is known already: all of it from memory. */
function placeOfSession(deps: AuthorizeDeps, { request, session }: Question): PlaceFound | null {
  const { workspaceId, role } = session.principal;
  if (workspaceId === null || role === null || session.blockedBy !== null || session.isWorkspaceSuspended) return null;
  const { clientId, audience } = request;
  const grant = deps.grants.peek({ userId: session.userId, clientId, workspaceId, audience });
  return grant ? { kind: 'place', workspaceId, role, grant } : null;
}

async function placeNamed(deps: AuthorizeDeps, question: Question, workspaceId: string): Promise<PlaceFound | null> {
  const { read } = deps.database;
  const standing = await standingOf(read, workspaceId, question.session.userId);
  if (!standing) return null;
  if (standing.isWorkspaceSuspended) return blocked('suspended');
  if (standing.requiresSecondFactor && !standing.hasSecondFactor) return blocked('second_factor');
  return { kind: 'place', workspaceId, role: standing.role, grant: await grantAt(deps, question, workspaceId) };
}

/** The one of several workspaces in which the application is known already; null for none, and for several. */
async function known(deps: AuthorizeDeps, question: Question, own: readonly OwnWorkspace[]): Promise<string | null> {
  const { request, session } = question;
  const current = session.principal.workspaceId;
  const filter = { workspaceId: null, environment: null, userId: session.userId, clientId: request.clientId };
  const grants = await deps.grants.list(filter, { beforeId: null, limit: 200 });
  const ids = grants
    .filter(({ audience, workspaceId }) => audience === request.audience && own.some(({ id }) => id === workspaceId))
    .map(({ workspaceId }) => workspaceId);
  if (current !== null && ids.includes(current)) return current;
  return ids.length === 1 ? (ids[0] ?? null) : null;
}

/**
 * In which workspace the application is to act: the one that the person chose, the one where they let it in before, the only
 * one. Asked only when there are several; and again when the request asks for a choice (contract §4). A session that owes
 * its second factor lets nothing act anywhere, as it may not act itself.
 */
export async function findPlace(deps: AuthorizeDeps, question: Question): Promise<PlaceFound> {
  const { request, session, chosenId } = question;
  if (session.blockedBy === 'second_factor_proof') return blocked('second_factor_proof');
  if (chosenId !== null) {
    const place = await placeNamed(deps, question, chosenId);
    if (place) return place;
  }
  const isAskedFor = request.prompts.includes('consent') || request.prompts.includes('select_account');
  if (!isAskedFor) {
    const place = placeOfSession(deps, question);
    if (place) return place;
  }
  const all = await listOwnWorkspaces(deps, session);
  const own = all.filter(({ isSuspended }) => !isSuspended);
  const [only, ...others] = own;
  if (!only) return blocked(all.length === 0 ? 'no_workspace' : 'suspended');
  const id = others.length === 0 ? only.id : isAskedFor ? null : await known(deps, question, own);
  if (id === null) return { kind: 'choose', options: own };
  return (await placeNamed(deps, question, id)) ?? blocked('no_workspace');
}
