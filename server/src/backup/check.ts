import { join } from 'node:path';
import { CopyError, checkPostgresDump, checkSqliteFile } from '../database/index.ts';
import { type BackupDeps, BackupError } from './deps.ts';
import { digestOf } from './files.ts';
import { type Manifest, readManifest } from './manifest.ts';

export interface CheckedBackup {
  manifest: Manifest;
  /** The copy. */
  path: string;
}

/**
 * Proves that a backup is whole: its manifest is one, the copy is byte for byte what was written, and the database's own
 * check passes. Throws `BackupError`.
 */
export async function checkBackup(
  { environment }: Pick<BackupDeps, 'environment'>,
  folder: string,
): Promise<CheckedBackup> {
  const manifest = readManifest(folder);
  const path = join(folder, manifest.file.name);
  const found = await digestOf(path).catch((error: NodeJS.ErrnoException) => {
    throw new BackupError(`${path} cannot be read (${error.code ?? error.message})`);
  });
  if (found.bytes !== manifest.file.bytes || found.sha256 !== manifest.file.sha256) {
    const what =
      found.bytes === manifest.file.bytes
        ? 'its bytes changed'
        : `it has ${found.bytes} bytes of ${manifest.file.bytes}`;
    throw new BackupError(`${path} is damaged (${what}): use another backup`);
  }
  try {
    if (manifest.database === 'sqlite') checkSqliteFile(path);
    else await checkPostgresDump(path, Object.keys(manifest.rows), environment);
  } catch (error) {
    throw error instanceof CopyError ? new BackupError(error.message) : error;
  }
  return { manifest, path };
}
