import { Failure } from '../../failure.ts';
import { deleteFactorsOf } from '../factors/store.ts';
import { pageLink } from '../mail/links.ts';
import { userFacts } from '../members/store.ts';
import type { People } from '../people.ts';
import { endSessionsOf } from '../sessions/end.ts';
import type { UserCaller } from './change-user.ts';

/**
 * Takes every second factor away from somebody who has lost them: authenticator app, passkeys and backup codes, and what
 * they had opened. The person hears of it by mail. Throws `not_found`.
 */
export async function resetFactors(people: People, { actor }: UserCaller, userId: string): Promise<void> {
  await people.database.write(async (tx) => {
    const person = await userFacts(tx.query, userId, null);
    if (!person) throw new Failure('not_found');
    await deleteFactorsOf(tx, userId);
    await people.endTokens(tx, userId, 'second factors reset');
    await endSessionsOf(people, tx, actor, { userId, reason: 'second factors reset' });
    await people.changes.record(tx, { kind: 'user', ref: userId });
    const link = pageLink(people.issuer(), 'recover');
    const factor = 'every second factor and passkey, by whoever runs this service';
    await people.outbox.queue(tx, 'factor_removed', person.email, { link, factor });
    await people.recordAudit(tx, { action: 'user.factors_reset', actor, workspaceId: null, targetId: userId });
  });
}
