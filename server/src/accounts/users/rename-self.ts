import { type People, personActor, type SignedIn, type Visit } from '../people.ts';
import { updateUser } from '../store.ts';

/** The longest name of a person, in characters. */
export const LONGEST_PERSON_NAME = 100;

/** The signed-in person is called otherwise from now on; by nothing when the name is blank. */
export async function renameSelf(
  people: People,
  visit: Visit,
  { userId }: SignedIn,
  { name }: { name: string | null },
): Promise<void> {
  await people.database.write(async (tx) => {
    await updateUser(tx, userId, { name: name?.trim() || null });
    const actor = personActor(visit, userId);
    const data = { changed: ['name'] };
    await people.recordAudit(tx, { action: 'user.updated', actor, workspaceId: null, targetId: userId, data });
  });
}
