import { toTimestamp } from '../clock.ts';
import { CopyError, type PostgresPlace, restorePostgresDump, withPostgresPlace } from '../database/index.ts';
import { type Aftermath, settleRestored } from './aftermath.ts';
import type { CheckedBackup } from './check.ts';
import { type BackupDeps, BackupError } from './deps.ts';
import { proveRestored } from './prove.ts';
import type { RestoreOptions } from './restore-options.ts';

function refuseUnfit(place: PostgresPlace, { manifest }: CheckedBackup, { force }: RestoreOptions): void {
  if (place.others > 0) {
    throw new BackupError(
      'other processes of Latchkey use this database: stop every server, or wait for the other restore',
    );
  }
  if (place.schema !== manifest.schema) {
    throw new BackupError(
      `the backup is of the schema "${manifest.schema}", and this database looks into "${place.schema}": ` +
        'set the search_path of the database user to that schema',
    );
  }
  if (place.tables.length > 0 && !force) {
    throw new BackupError(
      'the database holds tables already: name an empty one in LATCHKEY_DATABASE_URL, or add --force to move them into a schema of their own',
    );
  }
}

async function fill(
  deps: BackupDeps,
  url: string,
  { manifest, path }: CheckedBackup,
  options: RestoreOptions,
): Promise<Aftermath> {
  await restorePostgresDump(url, path, deps.environment);
  const database = await deps.openDatabase({ kind: 'postgres', url });
  try {
    await proveRestored(deps, database, manifest);
    return await settleRestored(deps, database, manifest, options);
  } finally {
    await database.close();
  }
}

/**
 * Tables that were there are moved into a schema of their own, and back when the restore fails. When it is killed, no
 * server starts on what is there, and the restore can be run again.
 */
export async function restoreToPostgres(
  deps: BackupDeps,
  url: string,
  checked: CheckedBackup,
  options: RestoreOptions,
): Promise<Aftermath & { movedTo: string | null }> {
  try {
    return await withPostgresPlace(url, async (place) => {
      refuseUnfit(place, checked, options);
      const stamp = toTimestamp(deps.clock.nowMs()).replace(/\D/g, '').slice(0, 14);
      const movedTo = await place.begin(`before_restore_${stamp}`);
      try {
        const aftermath = await fill(deps, url, checked, options);
        await place.finish();
        return { ...aftermath, movedTo };
      } catch (error) {
        await place.undo();
        throw error;
      }
    });
  } catch (error) {
    throw error instanceof CopyError ? new BackupError(error.message) : error;
  }
}
