import type { Envelope } from '../crypto/index.ts';
import type { Database } from '../database/index.ts';
import { auditKeys } from './store.ts';
import type { AuditKeyRow } from './tables.ts';

export function privateKeyContext(id: string): string {
  return `audit_keys.private_key:${id}`;
}

export function openAuditKey(key: AuditKeyRow, envelope: Envelope): string {
  return envelope.unseal(key.private_key_sealed, privateKeyContext(key.id));
}

/** Why the key that seals next cannot be opened; null when it can, or when there is none yet. */
export async function auditKeyProblem(database: Database, envelope: Envelope): Promise<string | null> {
  const [key] = await auditKeys(database.read);
  if (!key) return null;
  try {
    openAuditKey(key, envelope);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
