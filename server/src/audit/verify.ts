import type { Envelope } from '../crypto/index.ts';
import type { Database } from '../database/index.ts';
import { FIRST_HASH, hashBatch, hashIsSigned, publicKeyOf } from './batch.ts';
import { openAuditKey } from './keys.ts';
import { auditKeys, batchesAfter, countStrayEvents, eventsOfBatch } from './store.ts';
import type { AuditKeyRow } from './tables.ts';

export interface AuditReport {
  batches: number;
  events: number;
  /** The newest head; compare it with the one in the logs to see that no whole batch was cut off. */
  head: string | null;
  /** What does not fit, in plain words; empty when the log is whole. */
  problems: string[];
}

const PAGE = 100;

/** The public key that counts: whoever can write to the database can put another beside the sealed private key. */
function trustedPublicKey(key: AuditKeyRow, envelope: Envelope | null, problems: string[]): string {
  if (!envelope) return key.public_key;
  try {
    const publicKey = publicKeyOf(openAuditKey(key, envelope));
    if (publicKey !== key.public_key) problems.push(`key ${key.id}: its public key was changed`);
    return publicKey;
  } catch (error) {
    problems.push(`key ${key.id}: cannot be checked (${error instanceof Error ? error.message : String(error)})`);
    return key.public_key;
  }
}

export interface VerifyOptions {
  /** A head that was noted earlier: it must be part of the chain, else the log was rewritten since, or cut off. */
  expectHead?: string | undefined;
}

/** Recomputes every seal from the first batch on. Without an envelope, the public keys are taken as they stand. */
export async function verifyAuditLog(
  database: Database,
  envelope: Envelope | null = null,
  { expectHead }: VerifyOptions = {},
): Promise<AuditReport> {
  let foundHead = expectHead === undefined;
  const report: AuditReport = { batches: 0, events: 0, head: null, problems: [] };
  const known = await auditKeys(database.read);
  const keys = new Map(known.map((key) => [key.id, trustedPublicKey(key, envelope, report.problems)]));
  let previousHash = FIRST_HASH;
  for (;;) {
    const page = await batchesAfter(database.read, report.batches, PAGE);
    for (const batch of page) {
      const say = (problem: string) => report.problems.push(`batch ${batch.number}: ${problem}`);
      if (batch.number !== report.batches + 1) say(`follows ${report.batches}; batches between them are missing`);
      if (batch.previous_hash !== previousHash) say('does not continue the batch before it');
      const events = await eventsOfBatch(database.read, batch.number);
      if (events.length !== batch.event_count) say(`has ${events.length} events; ${batch.event_count} were sealed`);
      if (hashBatch(batch.previous_hash, batch.number, events) !== batch.hash) say('its events were changed');
      const publicKey = keys.get(batch.key_id);
      if (!publicKey) say(`its key ${batch.key_id} is missing`);
      else if (!hashIsSigned(batch.hash, batch.signature, publicKey)) say('its signature is not ours');
      if (batch.hash === expectHead) foundHead = true;
      previousHash = batch.hash;
      report.batches = batch.number;
      report.events += events.length;
      report.head = batch.hash;
    }
    if (page.length < PAGE) break;
  }
  if (!foundHead) {
    report.problems.push(
      `the head ${expectHead} is not in the chain: the log was rewritten or cut off after it was noted`,
    );
  }
  const stray = await countStrayEvents(database.read);
  if (stray > 0) report.problems.push(`${stray} events belong to a batch that is missing`);
  return report;
}
