import type { Actor } from '../../audit/index.ts';
import type { Tx } from '../../database/index.ts';
import { familyOf, type Generation, generationOf, isInGrace, slidingEnd } from './family.ts';
import { type FamilyDeps, grantedTo, type TokenPair } from './pair.ts';
import { digestsOf } from './refresh-text.ts';
import { endAndTell } from './revoke-family.ts';
import { familyByHandle, type SeenFamily, useCurrent } from './store.ts';

/** A refresh token as somebody presents it. */
export interface PresentedRefresh {
  token: string;
  /** Who presents it, authenticated where it is confidential; `FIRST_PARTY_CLIENT` for a login. */
  clientId: string;
  /** Thumbprint of the key that the request was proven with; null for none. */
  boundKey?: string | null;
  /** Fewer scopes for this access token; all of the family's unless said. The family keeps its own. */
  scopes?: readonly string[] | null;
  actor: Actor;
}

/**
 * Why it was refused. `unknown`: never ours, or gone. `other_client`, `other_key`, `scope`: the token is unharmed.
 * `reused`: it was spent before, and its family has ended now. `revoked`, `expired`: it had ended already.
 */
export type RefreshRefusal = 'unknown' | 'other_client' | 'other_key' | 'scope' | 'expired' | 'revoked' | 'reused';

export type RefreshResult =
  | ({ outcome: 'refreshed'; isRetry: boolean } & TokenPair)
  | { outcome: 'refused'; reason: RefreshRefusal };

const refused = (reason: RefreshRefusal): RefreshResult => ({ outcome: 'refused', reason });

interface Presentation {
  presented: PresentedRefresh;
  tokenHash: string;
  row: SeenFamily;
  nowMs: number;
}

/** What is wrong before anything is used up; null when nothing is. */
function refusalOf(deps: FamilyDeps, { presented, row, nowMs }: Presentation, generation: Generation) {
  if (generation === 'foreign') return 'unknown';
  if (row.client_id !== presented.clientId) return 'other_client';
  if (row.bound_key !== (presented.boundKey ?? null)) return 'other_key';
  if (row.revoked_at !== null) return 'revoked';
  if (row.expires_at <= nowMs) return 'expired';
  const { scopes } = presented;
  const held = deps.catalogue.expand(JSON.parse(row.scopes) as string[]);
  const granted = JSON.parse(row.scopes) as string[];
  const fresh = scopes?.filter((scope) => !granted.includes(scope)) ?? [];
  return deps.catalogue.beyond(fresh, held).length > 0 ? 'scope' : null;
}

function give(
  deps: FamilyDeps,
  { presented, row }: Presentation,
  text: string,
  { epoch, isRetry }: { epoch: number; isRetry: boolean },
): RefreshResult {
  const family = familyOf(row);
  const scopes = presented.scopes ?? family.scopes;
  return { outcome: 'refreshed', isRetry, ...grantedTo(deps, family, { text, scopes, epoch }) };
}

/** Uses the current token: one statement decides who of many at once was first. Null when it was somebody else. */
async function takeCurrent(deps: FamilyDeps, tx: Tx, presentation: Presentation): Promise<RefreshResult | null> {
  const { presented, row, tokenHash, nowMs } = presentation;
  const expiresAtMs = slidingEnd(row, nowMs);
  const used = { id: row.id, tokenHash };
  const later = { ...presentation, row: { ...row, expires_at: expiresAtMs } };
  if (row.rotation === 'none') {
    const kept = await useCurrent(tx, used, { expires_at: expiresAtMs });
    return kept ? give(deps, later, presented.token, { epoch: kept.epoch, isRetry: false }) : null;
  }
  const nonce = Buffer.from(deps.randomBytes(32)).toString('base64url');
  const successor = deps.texts.successor(presented.token, nonce);
  const rotated = await useCurrent(tx, used, {
    expires_at: expiresAtMs,
    current_hash: digestsOf(successor)?.tokenHash ?? '',
    parent_hash: tokenHash,
    nonce,
    rotated_at: nowMs,
  });
  return rotated ? give(deps, later, successor, { epoch: rotated.epoch, isRetry: false }) : null;
}

/** The same successor again, for who asks again in time; null when that is not the parent's successor any more. */
function retake(deps: FamilyDeps, presentation: Presentation): RefreshResult | null {
  const { presented, row, nowMs } = presentation;
  if (row.nonce === null || !isInGrace(row, nowMs)) return null;
  const candidates = deps.texts.successors(presented.token, row.nonce);
  const successor = candidates.find((text) => digestsOf(text)?.tokenHash === row.current_hash);
  if (successor === undefined) return null;
  return give(deps, presentation, successor, { epoch: row.epoch, isRetry: true });
}

async function present(deps: FamilyDeps, tx: Tx, presented: PresentedRefresh): Promise<RefreshResult | null> {
  const digests = digestsOf(presented.token);
  const row = digests && (await familyByHandle(tx.query, digests.handleHash));
  if (!digests || !row) return refused('unknown');
  const presentation = { presented, row, tokenHash: digests.tokenHash, nowMs: deps.clock.nowMs() };
  const generation = generationOf(row, digests.tokenHash, () => deps.texts.isOurs(presented.token));
  const refusal = refusalOf(deps, presentation, generation);
  if (refusal !== null) return refused(refusal);
  if (generation === 'current') return takeCurrent(deps, tx, presentation);
  const again = generation === 'parent' ? retake(deps, presentation) : null;
  if (again) return again;
  await endAndTell(deps, tx, familyOf(row), {
    action: 'token_family.reused',
    reason: 'reused',
    actor: presented.actor,
  });
  return refused('reused');
}

/** It loses once to a rotation, and once more to a revocation. */
const ATTEMPTS = 3;

/**
 * Refreshes (contract §6). A refusal is returned, not thrown: what it ends must be committed. Throws `unavailable` when
 * the database or the signing key is not there; then nothing was used up.
 */
export async function refresh(deps: FamilyDeps, tx: Tx, presented: PresentedRefresh): Promise<RefreshResult> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const result = await present(deps, tx, presented);
    if (result) return result;
  }
  return refused('revoked');
}
