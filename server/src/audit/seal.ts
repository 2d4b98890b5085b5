import type { Clock } from '../clock.ts';
import type { Envelope } from '../crypto/index.ts';
import { type Database, type Tx, UniqueViolation } from '../database/index.ts';
import { FIRST_HASH, generateAuditKey, hashBatch, signHash } from './batch.ts';
import { auditKeys, hasUnsealed, insertBatch, insertKey, lastBatch, unsealedEvents } from './store.ts';
import type { AuditBatchRow } from './tables.ts';

const BATCH_SIZE = 500;
const KEY_ID = 'audit-1';

export interface SealOptions {
  database: Database;
  clock: Clock;
  envelope: Envelope;
  /** Hears of each new head: kept outside the database, it shows later that nothing was cut off. */
  onSealed(batch: { number: number; hash: string; events: number }): void;
}

async function signingKey(tx: Tx, { envelope, clock }: SealOptions): Promise<{ id: string; privateKey: string }> {
  let [key] = await auditKeys(tx.query);
  if (!key) {
    const made = generateAuditKey();
    await insertKey(tx, {
      id: KEY_ID,
      public_key: made.publicKey,
      private_key_sealed: envelope.seal(made.privateKey, `audit_keys.private_key:${KEY_ID}`),
      created_at: clock.nowMs(),
    });
    [key] = await auditKeys(tx.query);
  }
  if (!key) throw new Error('the audit key just written is not there');
  return { id: key.id, privateKey: envelope.unseal(key.private_key_sealed, `audit_keys.private_key:${key.id}`) };
}

async function sealOne(tx: Tx, options: SealOptions): Promise<AuditBatchRow | null> {
  // The head first: a twin that seals these events after that has taken our number, and the primary key refuses ours.
  const previous = await lastBatch(tx.query);
  const events = await unsealedEvents(tx.query, BATCH_SIZE);
  if (events.length === 0) return null;
  const number = (previous?.number ?? 0) + 1;
  const previousHash = previous?.hash ?? FIRST_HASH;
  const hash = hashBatch(previousHash, number, events);
  const key = await signingKey(tx, options);
  const batch: AuditBatchRow = {
    number,
    event_count: events.length,
    previous_hash: previousHash,
    hash,
    signature: signHash(hash, key.privateKey),
    key_id: key.id,
    sealed_at: options.clock.nowMs(),
  };
  const seqs = events.map(({ seq }) => seq);
  await insertBatch(tx, batch, seqs);
  return batch;
}

/** Seals everything that is not sealed yet. A twin that sealed the same events first wins; nothing is sealed twice. */
export async function sealAuditLog(options: SealOptions): Promise<void> {
  while (await hasUnsealed(options.database.read)) {
    try {
      const batch = await options.database.write((tx) => sealOne(tx, options));
      if (!batch) return;
      options.onSealed({ number: batch.number, hash: batch.hash, events: batch.event_count });
    } catch (error) {
      if (error instanceof UniqueViolation) return;
      throw error;
    }
  }
}
