import { suspendAfterRestore } from '../accounts/index.ts';
import { disableLivingKeys, endKeyAfterRestore } from '../api-keys/index.ts';
import { createRecordAudit, eventExists, systemActor } from '../audit/index.ts';
import { toTimestamp } from '../clock.ts';
import type { Database, Migration } from '../database/index.ts';
import { deleteAllKeys, signingKeysMigrations } from '../signing-keys/index.ts';
import { deleteSomeOpaque, endLivingFamilies, opaqueMigrations, tokensMigrations } from '../tokens/index.ts';
import type { BackupDeps } from './deps.ts';
import { type LostEnds, lostEndsOf } from './lost-ends.ts';
import type { Manifest } from './manifest.ts';
import type { RecordedEvent } from './revocations.ts';

/** What was done about credentials that the backup brought back to life. */
export interface Aftermath {
  endedKeys: number;
  suspendedWorkspaces: number;
  disabledKeys: number;
  /** Recorded ends of keys that the backup does not have: they were made after it, and do not exist. */
  unknownKeys: number;
  /** Recorded changes that were not made again. */
  otherChanges: number;
}

export interface AftermathOptions {
  /** What the audit log recorded after the backup; those events that the backup has are passed over. */
  events: readonly RecordedEvent[];
  disableKeys: boolean;
}

const BATCH = 100;
const DISABLED_AT_ONCE = 5000;

async function newEvents(database: Database, events: readonly RecordedEvent[]): Promise<RecordedEvent[]> {
  const unknown: RecordedEvent[] = [];
  for (const event of events) if (!(await eventExists(database.read, event.id))) unknown.push(event);
  return unknown;
}

type Tally = Pick<Aftermath, 'endedKeys' | 'suspendedWorkspaces' | 'unknownKeys'>;

async function replay(deps: BackupDeps, database: Database, { keys, suspendedWorkspaceIds }: LostEnds): Promise<Tally> {
  const recordAudit = createRecordAudit(deps.clock, deps.randomBytes);
  const done: Tally = { endedKeys: 0, suspendedWorkspaces: 0, unknownKeys: 0 };
  for (let from = 0; from < keys.length; from += BATCH) {
    const outcomes = await database.write(async (tx) => {
      const batch: string[] = [];
      for (const end of keys.slice(from, from + BATCH)) batch.push(await endKeyAfterRestore({ recordAudit }, tx, end));
      return batch;
    });
    done.endedKeys += outcomes.filter((outcome) => outcome === 'ended').length;
    done.unknownKeys += outcomes.filter((outcome) => outcome === 'unknown').length;
  }
  for (const id of suspendedWorkspaceIds) {
    if (await database.write((tx) => suspendAfterRestore({ recordAudit }, tx, id))) done.suspendedWorkspaces += 1;
  }
  return done;
}

async function disableAll(database: Database): Promise<number> {
  for (let total = 0; ; ) {
    const count = await database.write((tx) => disableLivingKeys(tx, DISABLED_AT_ONCE));
    if (count === 0) return total;
    total += count;
  }
}

const TOKENS_AT_ONCE = 5000;

/**
 * Nothing tells which tokens were spent, revoked or signed by a key that leaked after the backup: all are ended. Keys that
 * sign are made anew at the next start.
 */
async function endTokens({ migrations }: BackupDeps, database: Database, nowMs: number): Promise<number> {
  // Only looked at: whoever restores holds the lock of migrations, and a backup of an older version knows no tokens.
  const { applied } = await database.migrate(migrations, { dryRun: true, nowMs });
  const has = (needed: readonly Migration[]) => needed.every(({ name }) => applied.includes(name));
  if (has(opaqueMigrations)) {
    while ((await database.write((tx) => deleteSomeOpaque(tx, TOKENS_AT_ONCE))) > 0);
  }
  if (!has([...signingKeysMigrations, ...tokensMigrations])) return 0;
  await database.write((tx) => deleteAllKeys(tx));
  for (let total = 0; ; ) {
    const count = await database.write((tx) => endLivingFamilies(tx, 'restored', nowMs, TOKENS_AT_ONCE));
    if (count === 0) return total;
    total += count;
  }
}

/** Ends again what ended after the backup, and writes into the audit log that, and from what, was restored. */
export async function settleRestored(
  deps: BackupDeps,
  database: Database,
  manifest: Manifest,
  { events, disableKeys }: AftermathOptions,
): Promise<Aftermath> {
  const ends = lostEndsOf(await newEvents(database, events), deps.clock.nowMs());
  const tally = await replay(deps, database, ends);
  const disabledKeys = disableKeys ? await disableAll(database) : 0;
  const endedFamilies = await endTokens(deps, database, deps.clock.nowMs());
  return database.write(async (tx) => {
    const aftermath = { ...tally, disabledKeys, otherChanges: ends.others };
    await createRecordAudit(deps.clock, deps.randomBytes)(tx, {
      action: 'installation.restored',
      actor: systemActor,
      workspaceId: null,
      targetId: null,
      data: {
        backup: manifest.id,
        backup_created_at: manifest.created_at,
        restored_at: toTimestamp(deps.clock.nowMs()),
        ended_keys: tally.endedKeys,
        disabled_keys: disabledKeys,
        ended_families: endedFamilies,
      },
    });
    return aftermath;
  });
}
