import type { Aftermath } from './aftermath.ts';
import { type CheckedBackup, checkBackup } from './check.ts';
import { type BackupDeps, BackupError, type DatabasePlace } from './deps.ts';
import type { Manifest } from './manifest.ts';
import type { RestoreOptions } from './restore-options.ts';
import { restoreToPostgres } from './restore-postgres.ts';
import { restoreToSqlite } from './restore-sqlite.ts';

export interface Restored extends Aftermath {
  manifest: Manifest;
  /** Where what was there is now; null when nothing was. */
  movedTo: string | null;
}

function refuseUnfit({ migrations, keys }: BackupDeps, place: DatabasePlace, { manifest }: CheckedBackup): void {
  const { database } = manifest;
  if (database !== place.kind) {
    const cure = database === 'postgres' ? 'to a postgres:// URL' : 'to a SQLite file, or leave it unset';
    throw new BackupError(
      `the backup is of ${database === 'postgres' ? 'PostgreSQL' : 'SQLite'}: set LATCHKEY_DATABASE_URL ${cure}`,
    );
  }
  const known = new Set(migrations.map(({ name }) => name));
  const newer = manifest.migrations.filter((name) => !known.has(name));
  if (newer.length > 0) {
    throw new BackupError(
      `the backup is of a newer version of Latchkey (${manifest.version}, with ${newer.join(', ')}): restore it with that version or a later one`,
    );
  }
  const missing = manifest.encryption_keys.filter((id) => !keys.some((key) => key.id === id));
  if (missing.length > 0) {
    throw new BackupError(
      `the backup needs the encryption key${missing.length === 1 ? '' : 's'} ${missing.map((id) => `"${id}"`).join(', ')}: ` +
        'set LATCHKEY_ENCRYPTION_KEYS to the keys that it was made with, or put the file encryption-keys back into the data dir',
    );
  }
}

/** Proves that a backup is whole, and that this program, with these settings, can use it. Throws `BackupError`. */
export async function checkRestorable(deps: BackupDeps, place: DatabasePlace, folder: string): Promise<CheckedBackup> {
  const checked = await checkBackup(deps, folder);
  refuseUnfit(deps, place, checked);
  return checked;
}

/**
 * Puts a backup where the settings say that the database is: all of it or nothing, into an empty place, or with `force`
 * into one whose content is moved aside. Refused while a server serves it. Throws `BackupError`.
 */
export async function restoreBackup(
  deps: BackupDeps,
  place: DatabasePlace,
  checked: CheckedBackup,
  options: RestoreOptions,
): Promise<Restored> {
  const done =
    place.kind === 'sqlite'
      ? await restoreToSqlite(deps, place.path, checked, options)
      : await restoreToPostgres(deps, place.url, checked, options);
  return { manifest: checked.manifest, ...done };
}
