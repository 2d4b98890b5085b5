import type { Clock } from '../../clock.ts';
import type { Tx } from '../../database/index.ts';
import { type Family, familyOf, generationOf, isInGrace } from './family.ts';
import { digestsOf, type RefreshTexts } from './refresh-text.ts';
import { familyByHandle } from './store.ts';

/** A refresh token that was looked at, and not used. */
export interface SeenRefresh {
  family: Family;
  /** Whether presenting it now would give tokens: its family lives, and it is the current one or that one's parent in time. */
  isUsable: boolean;
}

interface LookUpDeps {
  clock: Clock;
  texts: RefreshTexts;
}

/** The family of a refresh token of ours, by one read; null for a text that we have not made, or whose family is gone. */
export async function lookUpRefresh(
  { clock, texts }: LookUpDeps,
  query: Tx['query'],
  text: string,
): Promise<SeenRefresh | null> {
  const digests = digestsOf(text);
  const row = digests && (await familyByHandle(query, digests.handleHash));
  if (!digests || !row) return null;
  const generation = generationOf(row, digests.tokenHash, () => texts.isOurs(text));
  if (generation === 'foreign') return null;
  const nowMs = clock.nowMs();
  const isLive = row.revoked_at === null && row.expires_at > nowMs;
  const isNext = generation === 'current' || (generation === 'parent' && isInGrace(row, nowMs));
  return { family: familyOf(row), isUsable: isLive && isNext };
}
