import type { Actor } from '../../audit/index.ts';
import type { Tx } from '../../database/index.ts';
import type { WatermarkKind } from '../denials/index.ts';
import { type Family, familyOf, generationOf } from './family.ts';
import type { FamilyDeps } from './pair.ts';
import { digestsOf } from './refresh-text.ts';
import { endFamiliesOf, endFamily, familyByHandle, familyById } from './store.ts';

interface Ending {
  action: 'token_family.reused' | 'token_family.revoked';
  reason: string;
  actor: Actor;
}

/**
 * Ends a family with the access tokens that it gave, and records that once, however many find out at once. False when it
 * had ended before.
 */
export async function endAndTell(
  deps: FamilyDeps,
  tx: Tx,
  family: Family,
  { action, reason, actor }: Ending,
): Promise<boolean> {
  // The watermark first, here and everywhere: two who end what overlaps then wait for one another in one order.
  await deps.denials.raise(tx, 'family', family.id, family.accessTtlSeconds ?? undefined);
  if (!(await endFamily(tx, family.id, reason, deps.clock.nowMs()))) return false;
  const { clientId, userId, grantId, sessionId, workspaceId, environment } = family;
  await deps.recordAudit(tx, {
    action,
    actor,
    workspaceId,
    environment,
    targetId: family.id,
    data: { reason, client_id: clientId, user_id: userId, grant_id: grantId, session_id: sessionId },
  });
  return true;
}

/** Which family is to end: by its id, or by one of its tokens as its own client presents it. */
export type FamilyName = { id: string } | { token: string; clientId: string };

async function find(deps: FamilyDeps, tx: Tx, name: FamilyName): Promise<Family | null> {
  if ('id' in name) {
    const row = await familyById(tx.query, name.id);
    return row ? familyOf(row) : null;
  }
  const digests = digestsOf(name.token);
  const row = digests && (await familyByHandle(tx.query, digests.handleHash));
  if (!digests || !row || row.client_id !== name.clientId) return null;
  const generation = generationOf(row, digests.tokenHash, () => deps.texts.isOurs(name.token));
  return generation === 'foreign' ? null : familyOf(row);
}

/**
 * Ends a family and every access token that it gave. Returns the family, or null when there is none, or it is another
 * client's: which of the two is nobody's business (RFC 7009 §2.2). Safe to repeat.
 */
export async function revokeFamily(
  deps: FamilyDeps,
  tx: Tx,
  { family: name, reason, actor }: { family: FamilyName; reason: string; actor: Actor },
): Promise<Family | null> {
  const family = await find(deps, tx, name);
  if (!family) return null;
  if (family.revokedAtMs === null)
    await endAndTell(deps, tx, family, { action: 'token_family.revoked', reason, actor });
  return family;
}

const COLUMNS = {
  user: 'user_id',
  client: 'client_id',
  grant: 'grant_id',
  session: 'session_id',
  // What a trusted issuer vouches for is never refreshed.
  issuer: null,
} as const;

/** What is ended, with everything that it gave. */
export interface Ended {
  kind: Exclude<WatermarkKind, 'family'>;
  id: string;
  /** Shown to operators. */
  reason: string;
  /** `keep`: access tokens only; refreshing goes on and gives new ones. `end` unless said. */
  families?: 'end' | 'keep';
  /** How long its access tokens live at most; 86,400 unless said. */
  longestTokenSeconds?: number;
}

/** Refuses every access token that was given so far for a user, client, grant, session or trusted issuer, and ends its families. */
export async function raiseWatermark(
  deps: FamilyDeps,
  tx: Tx,
  ended: Ended,
): Promise<{ families: number; epoch: number }> {
  const { kind, id, reason, families = 'end', longestTokenSeconds } = ended;
  const epoch = await deps.denials.raise(tx, kind, id, longestTokenSeconds);
  const column = COLUMNS[kind];
  if (families === 'keep' || column === null) return { families: 0, epoch };
  return { families: await endFamiliesOf(tx, column, id, reason, deps.clock.nowMs()), epoch };
}
