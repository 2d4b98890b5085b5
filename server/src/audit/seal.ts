import { createPrivateKey, type KeyObject } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Envelope } from '../crypto/index.ts';
import { type Database, type Tx, UniqueViolation } from '../database/index.ts';
import { FIRST_HASH, generateAuditKey, hashBatch, signHash } from './batch.ts';
import { openAuditKey, privateKeyContext } from './keys.ts';
import { auditKeys, hasUnsealed, insertBatch, insertKey, lastBatch, unsealedEvents } from './store.ts';
import type { AuditBatchRow } from './tables.ts';

/** A step that requests hardly notice, under a millisecond; a longer backlog takes more steps. */
const BATCH_SIZE = 50;
const KEY_ID = 'audit-1';

export interface SealOptions {
  database: Database;
  clock: Clock;
  envelope: Envelope;
  /** Hears of each new head: kept outside the database, it shows later that nothing was cut off. */
  onSealed(batch: { number: number; hash: string; events: number }): void;
}

/** A key as it was opened last: opening it costs more than a signature. Sealed anew, it is opened anew. */
interface OpenedKey {
  id: string;
  sealed: string;
  privateKey: KeyObject;
}

async function signingKey(tx: Tx, { envelope, clock }: SealOptions, memory: Memory): Promise<OpenedKey> {
  let [key] = await auditKeys(tx.query);
  if (!key) {
    const made = generateAuditKey();
    await insertKey(tx, {
      id: KEY_ID,
      public_key: made.publicKey,
      private_key_sealed: envelope.seal(made.privateKey, privateKeyContext(KEY_ID)),
      created_at: clock.nowMs(),
    });
    [key] = await auditKeys(tx.query);
  }
  if (!key) throw new Error('the audit key just written is not there');
  const { id, private_key_sealed: sealed } = key;
  if (memory.key?.id === id && memory.key.sealed === sealed) return memory.key;
  memory.key = { id, sealed, privateKey: createPrivateKey(openAuditKey(key, envelope)) };
  return memory.key;
}

interface Head {
  number: number;
  hash: string;
}

interface Memory {
  /** The newest batch that this process sealed itself. */
  head: Head | null;
  /** What it wrote last: kept after all, perhaps, though the disk did not confirm it. */
  written: Head | null;
  key: OpenedKey | null;
}

const newMemory = (): Memory => ({ head: null, written: null, key: null });

function checkHead({ head, written }: Memory, found: AuditBatchRow | undefined): void {
  const isFound = (ours: Head | null) => found?.number === ours?.number && found?.hash === ours?.hash;
  if (!head || isFound(head) || isFound(written)) return;
  throw new Error(
    `the audit log was tampered with: its last batch is ${found ? `${found.number} (${found.hash})` : 'gone'}, but ` +
      `this process sealed ${head.number} (${head.hash}) last; nothing is sealed until it is restored or a restart`,
  );
}

async function sealOne(tx: Tx, options: SealOptions, memory: Memory): Promise<AuditBatchRow | null> {
  // The head first: a twin that seals these events after that has taken our number, and the primary key refuses ours.
  const previous = await lastBatch(tx.query);
  // With more processes, a twin may have sealed after us.
  if (!options.database.capabilities.manyProcesses) checkHead(memory, previous);
  const events = await unsealedEvents(tx.query, BATCH_SIZE);
  if (events.length === 0) return null;
  const number = (previous?.number ?? 0) + 1;
  const previousHash = previous?.hash ?? FIRST_HASH;
  const hash = hashBatch(previousHash, number, events);
  const key = await signingKey(tx, options, memory);
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
  memory.written = { number, hash };
  return batch;
}

/** Seals everything that is not sealed yet. A twin that sealed the same events first wins; nothing is sealed twice. */
export async function sealAuditLog(options: SealOptions, memory: Memory = newMemory()): Promise<void> {
  while (await hasUnsealed(options.database.read)) {
    try {
      const batch = await options.database.write((tx) => sealOne(tx, options, memory));
      if (!batch) return;
      memory.head = { number: batch.number, hash: batch.hash };
      options.onSealed({ number: batch.number, hash: batch.hash, events: batch.event_count });
    } catch (error) {
      if (error instanceof UniqueViolation) return;
      throw error;
    }
  }
}

/** `sealAuditLog` that remembers its last head, and seals nothing over a log that was cut off or rewritten since. */
export function createAuditSealer(options: SealOptions): () => Promise<void> {
  const memory = newMemory();
  return () => sealAuditLog(options, memory);
}
