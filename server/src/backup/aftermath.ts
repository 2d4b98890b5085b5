import {
  disablePersonAfterRestore,
  endVisits,
  noteRestored,
  peopleMigrations,
  suspendAfterRestore,
} from '../accounts/index.ts';
import { disableLivingKeys, endKeyAfterRestore } from '../api-keys/index.ts';
import { applicationsMigrations, disableApplications, endApplicationAfterRestore } from '../applications/index.ts';
import { createRecordAudit, eventExists, systemActor } from '../audit/index.ts';
import { toTimestamp } from '../clock.ts';
import type { Database, Migration, Tx } from '../database/index.ts';
import {
  authorizeMigrations,
  consentMigrations,
  deleteAllPending,
  endGrantAfterRestore,
  endGrantsOf,
} from '../oauth/index.ts';
import { deleteAllKeys, signingKeysMigrations } from '../signing-keys/index.ts';
import { deleteSomeOpaque, endLivingFamilies, opaqueMigrations, tokensMigrations } from '../tokens/index.ts';
import { removeIssuerAfterRestore, trustedIssuersMigrations } from '../trusted-issuers/index.ts';
import type { BackupDeps } from './deps.ts';
import { type LostEnds, lostEndsOf } from './lost-ends.ts';
import type { LostObjects } from './lost-objects.ts';
import type { Manifest } from './manifest.ts';
import type { RecordedEvent } from './revocations.ts';

/** What was done about credentials that the backup brought back to life. */
export interface Aftermath {
  endedKeys: number;
  suspendedWorkspaces: number;
  /** Deleted, disabled, or without secrets that had ended. */
  endedApplications: number;
  deletedIssuers: number;
  endedGrants: number;
  /** Disabled or deleted since; disabled again. */
  disabledPeople: number;
  disabledKeys: number;
  disabledApplications: number;
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

const NO_OBJECTS: LostObjects = { applications: [], issuerIds: [], grantIds: [], userIds: [] };
const BATCH = 100;
const DISABLED_AT_ONCE = 5000;

async function newEvents(database: Database, events: readonly RecordedEvent[]): Promise<RecordedEvent[]> {
  const unknown: RecordedEvent[] = [];
  for (const event of events) if (!(await eventExists(database.read, event.id))) unknown.push(event);
  return unknown;
}

type Tally = Pick<Aftermath, 'endedKeys' | 'suspendedWorkspaces' | 'unknownKeys'>;
type ObjectTally = Pick<Aftermath, 'endedApplications' | 'deletedIssuers' | 'endedGrants' | 'disabledPeople'>;

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

/** Each in a transaction of its own; how many there was something to do for. */
async function count<T>(database: Database, ends: readonly T[], end: (tx: Tx, each: T) => Promise<boolean>) {
  let done = 0;
  for (const each of ends) if (await database.write((tx) => end(tx, each))) done += 1;
  return done;
}

/** Ends again what else ended: grants of a deleted application with it. */
async function replayObjects(deps: BackupDeps, database: Database, objects: LostObjects): Promise<ObjectTally> {
  const audit = { recordAudit: createRecordAudit(deps.clock, deps.randomBytes) };
  const nowMs = deps.clock.nowMs();
  return {
    endedApplications: await count(database, objects.applications, async (tx, end) => {
      if (end.isDeleted) await endGrantsOf(tx, end.clientId, nowMs);
      return endApplicationAfterRestore(audit, tx, end);
    }),
    deletedIssuers: await count(database, objects.issuerIds, (tx, id) => removeIssuerAfterRestore(audit, tx, id)),
    disabledPeople: await count(database, objects.userIds, (tx, id) => disablePersonAfterRestore(audit, tx, id)),
    endedGrants: await count(database, objects.grantIds, (tx, id) => endGrantAfterRestore(audit, tx, id, nowMs)),
  };
}

async function disableAll(database: Database): Promise<number> {
  for (let total = 0; ; ) {
    const count = await database.write((tx) => disableLivingKeys(tx, DISABLED_AT_ONCE));
    if (count === 0) return total;
    total += count;
  }
}

/** Which migrations the backup has. Only looked at: whoever restores holds the lock of migrations. */
async function knownTo({ migrations }: BackupDeps, database: Database, nowMs: number) {
  const { applied } = await database.migrate(migrations, { dryRun: true, nowMs });
  return (needed: readonly Migration[]) => needed.every(({ name }) => applied.includes(name));
}

type Has = Awaited<ReturnType<typeof knownTo>>;

const TOKENS_AT_ONCE = 5000;

/**
 * Nothing tells which tokens were spent, revoked or signed by a key that leaked after the backup: all are ended. Keys that
 * sign are made anew at the next start. Sessions go too, and all that waits for an answer: links in
 * mails, challenges, codes, requests.
 */
async function endTokens(database: Database, has: Has, nowMs: number): Promise<number> {
  // A backup of an older version may know none of them.
  if (has(peopleMigrations)) await database.write(endVisits);
  if (has(authorizeMigrations)) await database.write(deleteAllPending);
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
  const nowMs = deps.clock.nowMs();
  const ends = lostEndsOf(await newEvents(database, events), nowMs);
  const has = await knownTo(deps, database, nowMs);
  const hasObjects = has([...applicationsMigrations, ...trustedIssuersMigrations, ...consentMigrations]);
  const tally = {
    ...(await replay(deps, database, ends)),
    ...(await replayObjects(deps, database, hasObjects ? ends.objects : NO_OBJECTS)),
  };
  const disabledKeys = disableKeys ? await disableAll(database) : 0;
  const disabledApplications = disableKeys && hasObjects ? await database.write(disableApplications) : 0;
  const endedFamilies = await endTokens(database, has, nowMs);
  return database.write(async (tx) => {
    const aftermath = { ...tally, disabledKeys, disabledApplications, otherChanges: ends.others };
    await noteRestored(tx, nowMs);
    await createRecordAudit(deps.clock, deps.randomBytes)(tx, {
      action: 'installation.restored',
      actor: systemActor,
      workspaceId: null,
      targetId: null,
      data: {
        backup: manifest.id,
        backup_created_at: manifest.created_at,
        restored_at: toTimestamp(nowMs),
        ended_keys: tally.endedKeys,
        disabled_keys: disabledKeys,
        disabled_applications: disabledApplications,
        ended_families: endedFamilies,
      },
    });
    return aftermath;
  });
}
