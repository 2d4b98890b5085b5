// One process of several on one database, started by `run-together.ts`: opens it, waits for the word, does its task.
import { once } from 'node:events';
import { createFirstWorkspace } from '../../src/accounts/create-workspace.ts';
import { accountsMigrations } from '../../src/accounts/tables.ts';
import { systemActor } from '../../src/audit/event.ts';
import { createRecordAudit } from '../../src/audit/record.ts';
import { auditMigrations } from '../../src/audit/tables.ts';
import { systemClock } from '../../src/clock.ts';
import { pooledRandom } from '../../src/crypto/index.ts';
import { type Database, openPostgres, openSqlite } from '../../src/database/index.ts';
import { claimSlot } from '../../src/http/idempotency/store.ts';
import { idempotencyMigrations } from '../../src/http/idempotency/tables.ts';
import { takeLease } from '../../src/jobs/store.ts';
import { jobsMigrations } from '../../src/jobs/tables.ts';

export interface StorageWork {
  place: { sqlite: string } | { postgres: string };
  task: 'migrate' | 'claim';
  /** How many calls run at once, of each kind of claim. */
  calls: number;
}

/** For `migrate`: how many migrations this process applied. For `claim`: how many calls of each kind won. */
export type StorageResult = Record<string, number>;

/** A part of the schema, so that a worker loads a part of the program. */
export const MIGRATIONS = [...jobsMigrations, ...auditMigrations, ...idempotencyMigrations, ...accountsMigrations];

const randomBytes = pooledRandom();
const clock = systemClock;
const nowMs = clock.nowMs();
const holder = `process ${process.pid}`;

async function claim(database: Database, calls: number): Promise<StorageResult> {
  const deps = { clock, randomBytes, recordAudit: createRecordAudit(clock, randomBytes) };
  const won = async (attempt: () => Promise<unknown>): Promise<number> => {
    const outcomes = await Promise.all(Array.from({ length: calls }, attempt));
    return outcomes.filter(Boolean).length;
  };
  const owner = { email: 'owner@example.com', passwordHash: 'x' };
  const slot = {
    principal: 'key_1',
    route: 'POST /api-keys',
    key: 'abc',
    fingerprint: 'same',
    state: 'pending' as const,
  };
  const rest = { status: null, reply_sealed: null, reply_expires_at: null, object_id: null };
  const times = { locked_until: nowMs + 60_000, expires_at: nowMs + 60_000 };
  const lease = () => ({
    name: 'job',
    holder: `${holder}, ${Buffer.from(randomBytes(8)).toString('hex')}`,
    expires_at: nowMs + 60_000,
  });
  const [workspaces, leases, slots] = await Promise.all([
    won(() => database.write((tx) => createFirstWorkspace(deps, tx, systemActor, { name: 'First', owner }))),
    won(() => database.write((tx) => takeLease(tx, lease(), nowMs))),
    won(() => database.write((tx) => claimSlot(tx, { ...slot, ...rest, ...times }, nowMs))),
  ]);
  return { workspaces, leases, slots };
}

const { place, task, calls } = JSON.parse(process.argv[2] ?? '') as StorageWork;
const database = 'sqlite' in place ? openSqlite(place.sqlite) : await openPostgres(place.postgres, () => {});
await database.ping();
process.stdout.write('ready\n');
await once(process.stdin, 'data');
const result =
  task === 'claim'
    ? await claim(database, calls)
    : { applied: (await database.migrate(MIGRATIONS, { dryRun: false, nowMs })).pending.length };
process.stdout.write(`${JSON.stringify(result)}\n`);
await database.close();
