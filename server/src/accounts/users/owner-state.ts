import type { Database } from '../../database/index.ts';
import { userState } from '../store.ts';

/**
 * Whether what belongs to this person is to be refused: the account is disabled or gone. Asked when a record is made;
 * a change of kind `user` with the person's id says when to ask again.
 */
export async function isPersonDisabled({ read }: Database, userId: string): Promise<boolean> {
  return (await userState(read, userId)) !== 'active';
}
