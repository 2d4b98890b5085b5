import { amrOf, type SessionRecord } from '../../accounts/index.ts';
import type { Application } from '../../applications/index.ts';
import type { Actor } from '../../audit/index.ts';
import { type Tx, UniqueViolation } from '../../database/index.ts';
import type { AuthorizeDeps } from './deps.ts';
import type { Offer } from './evaluate.ts';
import type { Outcome } from './outcome.ts';
import type { AuthorizationRequest } from './request.ts';
import { responseTo } from './response.ts';
import { type RequestName, takeRequest } from './store.ts';

export interface Gift {
  request: AuthorizationRequest;
  application: Application;
  session: SessionRecord;
  offer: Offer;
  /** Whether the person says yes now, so that the grant grows; else it is enough as it is. */
  isNew: boolean;
  /** The stored request, which is used up; null for one that never waited. */
  name: RequestName | null;
  actor: Actor;
}

async function grantIdOf({ grants }: AuthorizeDeps, tx: Tx, gift: Gift): Promise<string> {
  const { request, application, session, offer, isNew, actor } = gift;
  if (!isNew && offer.grant) return offer.grant.id;
  const { workspaceId, scopes, redirect } = offer;
  const place = { userId: session.userId, clientId: application.id, workspaceId, audience: request.audience };
  const grant = await grants.give(tx, actor, { ...place, environment: application.environment, scopes, redirect });
  return grant.id;
}

async function write(deps: AuthorizeDeps, tx: Tx, gift: Gift): Promise<{ code: string; grantId: string } | null> {
  const { request, application, session, offer, name } = gift;
  if (name !== null && !(await takeRequest(tx, name, deps.clock.nowMs()))) return null;
  const grantId = await grantIdOf(deps, tx, gift);
  const code = await deps.codes.issue(tx, {
    clientId: application.id,
    userId: session.userId,
    grantId,
    workspaceId: offer.workspaceId,
    environment: application.environment,
    sessionId: session.id,
    redirectUri: request.namedRedirectUri,
    scopes: offer.scopes,
    audience: request.audience,
    codeChallenge: request.codeChallenge,
    nonce: request.nonce,
    authTimeMs: session.signedInAtMs,
    methods: amrOf(session.methods),
  });
  return { code, grantId };
}

/** Uses the request up, keeps what was allowed and gives a code, all in one transaction: one insert for who came before. */
export async function giveCode(deps: AuthorizeDeps, gift: Gift): Promise<Outcome> {
  const attempt = () => deps.database.write((tx) => write(deps, tx, gift));
  const given = await attempt().catch((error: unknown) => {
    // Two windows of a person said yes for the first time at once: the second finds the grant of the first.
    if (!(error instanceof UniqueViolation)) throw error;
    return attempt();
  });
  if (given === null) return { kind: 'gone' };
  deps.grants.noteUsed(given.grantId);
  return { kind: 'answer', response: responseTo(gift.request, deps.issuer(), { code: given.code }), error: null };
}
