import type { Tx } from '../../database/index.ts';
import type { People } from '../people.ts';

/**
 * A second factor came or went: what was let in before is asked again. Sessions at their next call, tokens at their next
 * refresh; access tokens end at once.
 */
export async function factorsChanged(
  { changes, renewTokens }: Pick<People, 'changes' | 'renewTokens'>,
  tx: Tx,
  userId: string,
): Promise<void> {
  await renewTokens(tx, userId, 'second factors changed');
  await changes.record(tx, { kind: 'user', ref: userId });
}
