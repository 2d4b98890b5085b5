import { type Actor, type RecordAudit, systemActor } from '../audit/index.ts';
import type { Clock } from '../clock.ts';
import type { Envelope } from '../crypto/index.ts';
import type { Database, Tx } from '../database/index.ts';
import { Failure } from '../failure.ts';
import type { Changes } from '../shared-state/index.ts';
import type { AlgorithmName } from './algorithms.ts';
import { lastTokenGoneMs, newKeyRow, PUBLISHED_FIRST_MS } from './key.ts';
import { activateNext, allKeys, insertMissingKeys, retireActive, revokePrevious, scheduleNext } from './store.ts';
import type { SigningKeyRow } from './tables.ts';

export const SIGNING_KEYS_CHANGE = { kind: 'signing_keys', ref: 'all' } as const;

export interface SigningKeyDeps {
  database: Database;
  clock: Clock;
  changes: Changes;
  envelope: Envelope;
  recordAudit: RecordAudit;
}

/** How a rotation is to be done, and by whom. */
export interface Rotation {
  algorithm: AlgorithmName;
  /** At once, and whatever the keys so far have signed is refused. */
  isEmergency: boolean;
  actor: Actor;
  /** Takes the place of the next key; of `spareKey`, made before the transaction. */
  spare: SigningKeyRow;
}

/** A key pair for the place of the next key, should that become free. */
export function spareKey({ clock, envelope }: SigningKeyDeps, algorithm: AlgorithmName): Promise<SigningKeyRow> {
  return newKeyRow(algorithm, envelope, { state: 'next', created_at: clock.nowMs(), active_at: null });
}

function overtaken(): Failure {
  return new Failure('conflict', 'The keys were rotated by another call at the same moment. Look at them again.');
}

async function note(deps: SigningKeyDeps, tx: Tx, actor: Actor, action: string, row: SigningKeyRow, data = {}) {
  await deps.changes.record(tx, SIGNING_KEYS_CHANGE);
  const facts = { algorithm: row.algorithm, ...data };
  await deps.recordAudit(tx, { action, actor, workspaceId: null, targetId: row.kid, data: facts });
}

/** Adds keys where their place is free, and records those that were added. */
export async function addMissing(
  deps: SigningKeyDeps,
  tx: Tx,
  actor: Actor,
  rows: readonly SigningKeyRow[],
): Promise<SigningKeyRow[]> {
  const added = await insertMissingKeys(tx, rows);
  for (const row of added) await note(deps, tx, actor, 'signing_key.created', row, { state: row.state });
  return added;
}

/** `next` begins to sign; what signed so far ends. Another key is made for the next time. */
async function promote(
  deps: SigningKeyDeps,
  tx: Tx,
  { actor, algorithm, isEmergency, spare }: Rotation,
  { active, next }: { active: SigningKeyRow | undefined; next: SigningKeyRow },
): Promise<SigningKeyRow> {
  const nowMs = deps.clock.nowMs();
  const end = { retired_at: nowMs, expires_at: lastTokenGoneMs(nowMs) };
  const revoked = isEmergency ? await revokePrevious(tx, algorithm, nowMs) : [];
  if (active) {
    const state = isEmergency ? 'revoked' : 'previous';
    if (!(await retireActive(tx, active.kid, { state, ...end }))) throw overtaken();
    if (isEmergency) revoked.push(active.kid);
  }
  const promoted = await activateNext(tx, next.kid, nowMs);
  if (!promoted) throw overtaken();
  await addMissing(deps, tx, actor, [spare]);
  await note(deps, tx, actor, 'signing_key.rotated', promoted, {
    previous: active?.kid ?? null,
    emergency: isEmergency,
    ...(isEmergency ? { revoked } : {}),
  });
  return promoted;
}

async function schedule(deps: SigningKeyDeps, tx: Tx, actor: Actor, next: SigningKeyRow): Promise<SigningKeyRow> {
  if (next.active_at !== null) return next;
  const scheduled = await scheduleNext(tx, next.kid, next.created_at + PUBLISHED_FIRST_MS);
  if (!scheduled) throw overtaken();
  await note(deps, tx, actor, 'signing_key.scheduled', scheduled, { active_at: scheduled.active_at });
  return scheduled;
}

/**
 * Rotates the keys of an algorithm. The next key begins to sign if verifiers had time to see it, and is returned as
 * `active`; else it is scheduled, and returned as `next` with `active_at`. An emergency waits for nobody, and revokes the
 * active key and every previous one. Throws `not_found` when the algorithm is not in use, `conflict` when another call
 * rotated meanwhile.
 */
export async function rotateSigningKey(deps: SigningKeyDeps, tx: Tx, rotation: Rotation): Promise<SigningKeyRow> {
  const { algorithm, isEmergency, actor, spare } = rotation;
  const rows = (await allKeys(tx.query)).filter((row) => row.algorithm === algorithm);
  const active = rows.find(({ state }) => state === 'active');
  if (rows.length === 0) throw new Failure('not_found', `${algorithm} is not in use.`);
  if (!active && !isEmergency) throw new Failure('not_found', `No ${algorithm} key signs yet.`);
  const next = rows.find(({ state }) => state === 'next') ?? (await addMissing(deps, tx, actor, [spare]))[0];
  if (!next) throw overtaken();
  const wasPublished = deps.clock.nowMs() >= next.created_at + PUBLISHED_FIRST_MS;
  if (!isEmergency && !wasPublished) return schedule(deps, tx, actor, next);
  return promote(deps, tx, rotation, { active, next });
}

/** Promotes the next key when its time has come; a first one too, which replaces none. Null when that was done already. */
export async function promoteDue(deps: SigningKeyDeps, algorithm: AlgorithmName): Promise<SigningKeyRow | null> {
  const nowMs = deps.clock.nowMs();
  const spare = await spareKey(deps, algorithm);
  const rotation: Rotation = { algorithm, isEmergency: false, actor: systemActor, spare };
  try {
    return await deps.database.write(async (tx) => {
      const rows = (await allKeys(tx.query)).filter((row) => row.algorithm === algorithm);
      const active = rows.find(({ state }) => state === 'active');
      const next = rows.find(({ state }) => state === 'next');
      if (!next || nowMs < next.created_at + PUBLISHED_FIRST_MS) return null;
      return promote(deps, tx, rotation, { active, next });
    });
  } catch (error) {
    if (error instanceof Failure && error.code === 'conflict') return null;
    throw error;
  }
}
