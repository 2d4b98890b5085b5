import { lastBatch } from '../audit/index.ts';
import type { Database } from '../database/index.ts';
import { encryptionKeysProblem } from '../sealed-values/index.ts';
import { type BackupDeps, BackupError } from './deps.ts';
import type { Manifest } from './manifest.ts';
import { countRows } from './store.ts';

/** That a database holds what the manifest says, and that the encryption keys open it. Throws `BackupError`. */
export async function proveRestored(deps: BackupDeps, { read }: Database, manifest: Manifest): Promise<void> {
  const rows = await countRows(read, Object.keys(manifest.rows));
  const odd = Object.keys(rows).filter((table) => rows[table] !== manifest.rows[table]);
  const head = await lastBatch(read);
  if (odd.length > 0 || (head?.hash ?? null) !== manifest.audit.head) {
    const what = odd.length > 0 ? `rows of ${odd.join(', ')}` : 'the head of the audit log';
    throw new BackupError(`the backup does not hold what its manifest says (${what}): use another backup`);
  }
  const { envelope, keys, sealedColumns } = deps;
  if (!envelope) {
    if (manifest.encryption_keys.length === 0) return;
    throw new BackupError('no encryption keys are set: the backup cannot be read without them');
  }
  const found = await encryptionKeysProblem(read, sealedColumns, { keys, envelope });
  if (found) throw new BackupError(`LATCHKEY_ENCRYPTION_KEYS ${found.problem}: ${found.cure}`);
}
