// One process of several on one database, started by `run-together.ts`: opens it, waits for the word, does its task.
import { once } from 'node:events';
import { createFirstWorkspace } from '../../src/accounts/index.ts';
import { createRecordAudit, systemActor } from '../../src/audit/index.ts';
import { systemClock } from '../../src/clock.ts';
import { MIGRATIONS } from '../../src/compose.ts';
import { pooledRandom } from '../../src/crypto/index.ts';
import { type Database, openPostgres, openSqlite } from '../../src/database/index.ts';
import { claimSlot } from '../../src/http/idempotency/store.ts';
import { takeLease } from '../../src/jobs/store.ts';

export interface StorageWork {
  place: { sqlite: string } | { postgres: string };
  /** How many calls run at once, of each kind of claim. */
  calls: number;
}

export interface StorageResult {
  /** How many migrations this process applied. */
  applied: number;
  /** How many of its calls won, of each kind of claim. */
  workspaces: number;
  leases: number;
  slots: number;
}

const randomBytes = pooledRandom();
const clock = systemClock;
const nowMs = clock.nowMs();
const holder = `process ${process.pid}`;

async function claim(database: Database, calls: number): Promise<Omit<StorageResult, 'applied'>> {
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
    holder,
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

const { place, calls } = JSON.parse(process.argv[2] ?? '') as StorageWork;
const database = 'sqlite' in place ? openSqlite(place.sqlite) : await openPostgres(place.postgres, () => {});
await database.ping();
process.stdout.write('ready\n');
await once(process.stdin, 'data');
const { pending } = await database.migrate(MIGRATIONS, { dryRun: false, nowMs });
const result: StorageResult = { applied: pending.length, ...(await claim(database, calls)) };
process.stdout.write(`${JSON.stringify(result)}\n`);
await database.close();
