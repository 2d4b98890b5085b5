import type { Actor } from '../audit/index.ts';
import type { Tx } from '../database/index.ts';
import { Failure } from '../failure.ts';
import type { ApplicationDeps } from './deps.ts';
import { noteApplication } from './secrets.ts';
import { type ApplicationReach, deleteApplication, lockApplication } from './store.ts';

/** Takes an application away with its secrets, and ends all that it was given. Its audit events stay. */
export async function removeApplication(
  deps: Pick<ApplicationDeps, 'changes' | 'recordAudit' | 'endClient'>,
  tx: Tx,
  actor: Actor,
  { reach, id }: { reach: ApplicationReach; id: string },
): Promise<void> {
  const row = await lockApplication(tx, reach, id);
  if (!row) throw new Failure('not_found');
  await deps.endClient(tx, id, 'application_deleted');
  await deleteApplication(tx, id);
  await noteApplication(deps, tx, row, {
    action: 'application.deleted',
    actor,
    data: { name: row.name, type: row.type },
  });
}
