import { sha256Hex } from '../../crypto/index.ts';
import type { Tx } from '../../database/index.ts';
import { type People, randomToken } from '../people.ts';
import { insertChallenge } from './store.ts';
import type { ChallengeKind } from './tables.ts';

export interface NewChallenge {
  kind: ChallengeKind;
  userId: string | null;
  /** The session, challenge or browser that alone may answer it. */
  boundTo: string | null;
  expiresAtMs: number;
  methods?: readonly string[];
}

/** One of a kind is none of another (security C17). */
export function challengeHash(kind: ChallengeKind, text: string): string {
  return sha256Hex(`${kind} ${text}`);
}

/** A random text that is kept as its hash, for one purpose, for a while. */
export async function issueChallenge(
  { clock, randomBytes }: Pick<People, 'clock' | 'randomBytes'>,
  tx: Tx,
  { kind, userId, boundTo, expiresAtMs, methods = [] }: NewChallenge,
): Promise<string> {
  const text = randomToken(randomBytes);
  await insertChallenge(tx, {
    hash: challengeHash(kind, text),
    kind,
    user_id: userId,
    bound_to: boundTo,
    methods: JSON.stringify(methods),
    attempts: 0,
    created_at: clock.nowMs(),
    expires_at: expiresAtMs,
  });
  return text;
}
