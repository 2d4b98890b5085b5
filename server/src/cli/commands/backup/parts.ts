import type { BackupDeps, DatabasePlace } from '../../../backup/index.ts';
import { createEnvelope } from '../../../crypto/index.ts';
import { EXIT } from '../../exit-codes.ts';
import type { Host } from '../../host.ts';
import { CommandFailure } from '../../refusal.ts';

/** What backups are made with and of, by the settings. */
export async function backupParts({ program, clock, randomBytes, version, environment }: Host): Promise<{
  deps: BackupDeps;
  place: DatabasePlace;
}> {
  const { config } = program.readSettings({ makesSecrets: false });
  const log = await program.createLog(config);
  const keys = config.encryptionKeys;
  const deps = {
    clock,
    randomBytes,
    version,
    environment,
    keys,
    envelope: keys.length > 0 ? createEnvelope(keys, randomBytes) : null,
    migrations: await program.migrations(),
    sealedColumns: await program.sealedColumns(),
    openDatabase: (place: DatabasePlace) => program.openDatabase({ ...config, database: place }, log),
  };
  return { deps, place: config.database };
}

/** The words of a backup that cannot be made or used become those of the command. */
export async function withPlainRefusals<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Error && error.name === 'BackupError') throw new CommandFailure(error.message, EXIT.failed);
    throw error;
  }
}

/** In the order of the alphabet, for people: `api_keys 12, workspaces 1`. */
export function rowsText(rows: Readonly<Record<string, number>>, tables: readonly string[]): string {
  return tables
    .map((table) => `${(rows[table] ?? 0).toLocaleString('en-US')} ${table.replaceAll('_', ' ')}`)
    .join(', ');
}

export const SHOWN_TABLES = ['workspaces', 'api_keys', 'audit_events'] as const;

export function bytesText(bytes: number): string {
  return `${(bytes / 1e6).toLocaleString('en-US', { maximumFractionDigits: 1 })} MB`;
}
