import { makeId } from '@latchkey/protocol';
import type { Tx } from '../../database/index.ts';
import type { Environment } from '../../http/index.ts';
import type { AlgorithmName } from '../../signing-keys/index.ts';
import { subjectsOf } from '../access-token.ts';
import { ABSOLUTE_MS, familyOf, IDLE_MS } from './family.ts';
import { type FamilyDeps, grantedTo, type TokenPair } from './pair.ts';
import { digestsOf } from './refresh-text.ts';
import { insertFamilyRow } from './store.ts';
import type { RefreshFamilyRow } from './tables.ts';

/** What a login or a consent gives. */
export interface FamilyRequest {
  /** `FIRST_PARTY_CLIENT` for a login. */
  clientId: string;
  /** Null when an application speaks for itself. */
  userId: string | null;
  workspaceId: string;
  environment: Environment;
  audience: string;
  scopes: readonly string[];
  /** `each_use` for public clients and logins, `none` for confidential clients that did not ask for it. */
  rotation: 'each_use' | 'none';
  /** `Tokens.epoch()`, taken before whatever allows this was looked at. */
  epoch: number;
  grantId?: string | null;
  sessionId?: string | null;
  /** Thumbprint of the key that every refresh must be proven with. */
  boundKey?: string | null;
  /** 30 days unless said. */
  idleMs?: number;
  /** A year unless said. */
  absoluteMs?: number;
  /** What the resource says at each refresh unless said. */
  accessTtlSeconds?: number | null | undefined;
  /** What the resource says at each refresh unless said. */
  algorithm?: AlgorithmName | null | undefined;
  extraClaims?: Readonly<Record<string, unknown>>;
}

function rowOf(request: FamilyRequest, id: string, text: string, nowMs: number): RefreshFamilyRow {
  const digests = digestsOf(text);
  if (!digests) throw new Error('a refresh token was made that is none');
  const { idleMs = IDLE_MS, absoluteMs = ABSOLUTE_MS } = request;
  return {
    id,
    handle_hash: digests.handleHash,
    current_hash: digests.tokenHash,
    parent_hash: null,
    nonce: null,
    rotated_at: null,
    rotation: request.rotation,
    client_id: request.clientId,
    user_id: request.userId,
    workspace_id: request.workspaceId,
    environment: request.environment,
    audience: request.audience,
    scopes: JSON.stringify(request.scopes),
    grant_id: request.grantId ?? null,
    session_id: request.sessionId ?? null,
    bound_key: request.boundKey ?? null,
    access_ttl_seconds: request.accessTtlSeconds ?? 0,
    algorithm: request.algorithm ?? '',
    extra_claims: JSON.stringify(request.extraClaims ?? {}),
    created_at: nowMs,
    idle_ms: idleMs,
    expires_at: nowMs + Math.min(idleMs, absoluteMs),
    ends_at: nowMs + absoluteMs,
    revoked_at: null,
    revoke_reason: null,
  };
}

/**
 * Starts a family and gives its first two tokens, whose texts are returned here and nowhere again. Throws
 * `token_revoked` when its user, client, grant or session was ended since `epoch` was taken, `unavailable` while no key
 * signs.
 */
export async function startFamily(deps: FamilyDeps, tx: Tx, request: FamilyRequest): Promise<TokenPair> {
  const nowMs = deps.clock.nowMs();
  const text = deps.texts.first();
  const row = rowOf(request, makeId('token_family', nowMs, deps.randomBytes), text, nowMs);
  const newest = await insertFamilyRow(tx, row);
  await deps.denials.refuseStale(tx, { epoch: request.epoch, subjects: subjectsOf(request) }, newest);
  const family = familyOf(row);
  return grantedTo(deps, tx, family, { text, scopes: family.scopes, epoch: request.epoch });
}
