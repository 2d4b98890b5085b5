import type { Actor } from '../../audit/index.ts';
import type { Tx } from '../../database/index.ts';
import { type Family, familyOf, type Generation, generationOf, isInGrace, slidingEnd } from './family.ts';
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
  /** Whether its client gets another token each time by now, however the family was begun. */
  rotates?: boolean;
  /** Fewer scopes for this access token; all of the family's unless said. The family keeps its own. */
  scopes?: readonly string[] | null;
  /**
   * In place of `scopes`: what the family may do at this moment, read anew. Asked before anything is used up; what it
   * throws refuses, and leaves the token unharmed.
   */
  authorize?: (tx: Tx, family: Family) => Promise<readonly string[]>;
  actor: Actor;
}

/**
 * Why it was refused. `unknown`: never ours, or gone. `other_client`, `other_key`, `scope`: the token is unharmed.
 * `reused`: it was spent before, and its family has ended now. `revoked`, `expired`: it had ended already.
 */
export type RefreshRefusal = 'unknown' | 'other_client' | 'other_key' | 'scope' | 'expired' | 'revoked' | 'reused';

/** `ended`: the family that a refusal has just ended. */
export type RefreshResult =
  | ({ outcome: 'refreshed'; isRetry: boolean } & TokenPair)
  | { outcome: 'refused'; reason: RefreshRefusal; ended: Family | null };

const refused = (reason: RefreshRefusal, ended: Family | null = null): RefreshResult => ({
  outcome: 'refused',
  reason,
  ended,
});

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

async function give(
  deps: FamilyDeps,
  tx: Tx,
  { presented, row }: Presentation,
  text: string,
  { epoch, isRetry }: { epoch: number; isRetry: boolean },
): Promise<RefreshResult> {
  const family = familyOf(row);
  const scopes = presented.scopes ?? family.scopes;
  return { outcome: 'refreshed', isRetry, ...(await grantedTo(deps, tx, family, { text, scopes, epoch })) };
}

/** The number from before scopes were read anew; else the newest. */
const epochOf = ({ presented, row }: Presentation, used: { epoch: number }) =>
  presented.authorize ? row.epoch : used.epoch;

/** Uses the current token: one statement decides who of many at once was first. Null when it was somebody else. */
async function takeCurrent(deps: FamilyDeps, tx: Tx, presentation: Presentation): Promise<RefreshResult | null> {
  const { presented, row, tokenHash, nowMs } = presentation;
  const expiresAtMs = slidingEnd(row, nowMs);
  const used = { id: row.id, tokenHash };
  const later = { ...presentation, row: { ...row, expires_at: expiresAtMs } };
  if (row.rotation === 'none' && presented.rotates !== true) {
    const kept = await useCurrent(tx, used, { expires_at: expiresAtMs });
    return kept ? give(deps, tx, later, presented.token, { epoch: epochOf(later, kept), isRetry: false }) : null;
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
  return rotated ? give(deps, tx, later, successor, { epoch: epochOf(later, rotated), isRetry: false }) : null;
}

/** The same successor again, for who asks again in time; null when that is not the parent's successor any more. */
async function retake(deps: FamilyDeps, tx: Tx, presentation: Presentation): Promise<RefreshResult | null> {
  const { presented, row, nowMs } = presentation;
  if (row.nonce === null || !isInGrace(row, nowMs)) return null;
  const candidates = deps.texts.successors(presented.token, row.nonce);
  const successor = candidates.find((text) => digestsOf(text)?.tokenHash === row.current_hash);
  if (successor === undefined) return null;
  return give(deps, tx, presentation, successor, { epoch: row.epoch, isRetry: true });
}

/** With the scopes of this moment. They were read after the row: what has ended them since refuses its epoch. */
async function authorized(tx: Tx, presentation: Presentation): Promise<Presentation> {
  const { presented, row } = presentation;
  if (!presented.authorize) return presentation;
  return { ...presentation, presented: { ...presented, scopes: await presented.authorize(tx, familyOf(row)) } };
}

async function present(deps: FamilyDeps, tx: Tx, presented: PresentedRefresh): Promise<RefreshResult | null> {
  const digests = digestsOf(presented.token);
  const row = digests && (await familyByHandle(tx.query, digests.handleHash));
  if (!digests || !row) return refused('unknown');
  const presentation = { presented, row, tokenHash: digests.tokenHash, nowMs: deps.clock.nowMs() };
  const generation = generationOf(row, digests.tokenHash, () => deps.texts.isOurs(presented.token));
  const refusal = refusalOf(deps, presentation, generation);
  if (refusal !== null) return refused(refusal);
  if (generation === 'current') return takeCurrent(deps, tx, await authorized(tx, presentation));
  const again = generation === 'parent' ? await retake(deps, tx, await authorized(tx, presentation)) : null;
  if (again) return again;
  const family = familyOf(row);
  await endAndTell(deps, tx, family, { action: 'token_family.reused', reason: 'reused', actor: presented.actor });
  return refused('reused', family);
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
