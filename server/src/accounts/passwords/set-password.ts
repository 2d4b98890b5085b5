import type { Actor } from '../../audit/index.ts';
import type { Tx } from '../../database/index.ts';
import { Failure } from '../../failure.ts';
import { pageLink } from '../mail/links.ts';
import type { People } from '../people.ts';
import { deleteTokensOfUser } from '../recovery/store.ts';
import { endSessionsOf } from '../sessions/end.ts';
import { updateUser } from '../store.ts';
import type { UserRow } from '../tables.ts';

/**
 * Writes a new password's hash and ends what the old one had opened: sessions, tokens, links that are out. The person
 * hears of it by mail. Throws `forbidden` for a disabled account.
 */
export async function setPassword(
  people: People,
  tx: Tx,
  actor: Actor,
  { userId, passwordHash, reason }: { userId: string; passwordHash: string; reason: 'changed' | 'recovered' | 'set' },
): Promise<UserRow> {
  const user = await updateUser(tx, userId, { password_hash: passwordHash });
  if (!user) throw new Failure('not_found');
  if (user.state === 'disabled') throw new Failure('forbidden', 'This account is disabled.');
  await people.endTokens(tx, userId, `password ${reason}`);
  await endSessionsOf(people, tx, actor, { userId, reason: `password ${reason}` });
  await deleteTokensOfUser(tx, userId, ['recover', 'change_email']);
  const link = pageLink(people.issuer(), 'recover');
  await people.outbox.queue(tx, 'password_changed', user.email, { link });
  const data = { reason };
  await people.recordAudit(tx, { action: 'user.password_changed', actor, workspaceId: null, targetId: userId, data });
  return user;
}
