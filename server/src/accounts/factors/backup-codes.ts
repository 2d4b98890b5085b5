import type { Tx } from '../../database/index.ts';
import { Failure } from '../../failure.ts';
import { type People, personActor, type SignedIn, type Visit } from '../people.ts';
import { requireRecentProof } from '../sessions/recent-proof.ts';
import { secondFactorsOf } from '../sign-in/proof.ts';
import { personById } from '../store.ts';
import { requirePerson } from '../users/require-person.ts';
import { BACKUP_CODES, backupCodeHash, newBackupCode } from './backup-code.ts';
import { countBackupCodes, replaceBackupCodes } from './store.ts';

async function writeCodes({ clock, randomBytes }: People, tx: Tx, userId: string): Promise<string[]> {
  const codes = Array.from({ length: BACKUP_CODES }, () => newBackupCode(randomBytes));
  const created_at = clock.nowMs();
  const rows = codes.map((code) => ({
    user_id: userId,
    code_hash: backupCodeHash(userId, code) ?? '',
    created_at,
    used_at: null,
  }));
  await replaceBackupCodes(tx, userId, rows);
  return codes;
}

/** Ten codes for a person who has none left; nothing for one who has. */
export async function freshBackupCodes(people: People, tx: Tx, userId: string): Promise<string[]> {
  return (await countBackupCodes(tx.query, userId)) > 0 ? [] : writeCodes(people, tx, userId);
}

/** Without another second factor there is nothing that they would stand in for. */
export async function forgetLastCodes(tx: Tx, userId: string): Promise<void> {
  const person = await personById(tx.query, userId);
  if (person && secondFactorsOf(person).length === 0) await replaceBackupCodes(tx, userId, []);
}

/** Ten new codes; the old ones are void. Throws `ProofNeeded`; `conflict` without a second factor. */
export async function regenerateBackupCodes(people: People, visit: Visit, signed: SignedIn): Promise<string[]> {
  await requireRecentProof(people, signed);
  const person = await requirePerson(people, signed.userId);
  if (secondFactorsOf(person).length === 0) {
    throw new Failure('conflict', 'Backup codes stand in for a second factor. Add one first.');
  }
  return people.database.write(async (tx) => {
    const actor = personActor(visit, person.id);
    await people.recordAudit(tx, { action: 'user.backup_codes_made', actor, workspaceId: null, targetId: person.id });
    return writeCodes(people, tx, person.id);
  });
}
