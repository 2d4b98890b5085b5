import type { Envelope } from '../crypto/index.ts';
import type { SealedColumn } from '../sealed-values/index.ts';
import type { AuditKeyRow } from './tables.ts';

export function privateKeyContext(id: string): string {
  return `audit_keys.private_key:${id}`;
}

export function openAuditKey(key: AuditKeyRow, envelope: Envelope): string {
  return envelope.unseal(key.private_key_sealed, privateKeyContext(key.id));
}

/** Where this domain keeps what is sealed. */
export const auditSealedColumns: readonly SealedColumn[] = [
  { table: 'audit_keys', id: 'id', column: 'private_key_sealed', context: privateKeyContext },
];
