import { createPrivateKey } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { generateAuditKey, hashBatch, signHash } from '../../src/audit/batch.ts';
import { createRecordAudit, sealAuditLog, systemActor, verifyAuditLog } from '../../src/audit/index.ts';
import { MIGRATIONS } from '../../src/compose.ts';
import { createEnvelope, pooledRandom } from '../../src/crypto/index.ts';
import type { Database, Tx } from '../../src/database/index.ts';
import { DATABASES, type DatabaseName, manualClock } from '../harness.ts';
import { close, closeDatabases, newPlace } from './databases.ts';
import { tamperings } from './tamperings.ts';

afterEach(closeDatabases);

const randomBytes = pooledRandom();
const clock = manualClock();
const envelope = createEnvelope([{ id: 'test', bytes: randomBytes(32) }], randomBytes);
const recordAudit = createRecordAudit(clock, randomBytes);

interface Sealed {
  number: number;
  hash: string;
  events: number;
}

async function newLog(kind: DatabaseName) {
  const openAgain = await newPlace(kind);
  const database = await openAgain();
  await database.migrate(MIGRATIONS, { dryRun: false, nowMs: 1 });
  const sealed: Sealed[] = [];
  const seal = (at: Database = database) =>
    sealAuditLog({ database: at, clock, envelope, onSealed: (batch) => sealed.push(batch) });
  const record = (count: number, name = 'event') =>
    database.write(async (tx) => {
      for (let index = 0; index < count; index += 1) await recordOne(tx, `${name} ${index}`);
    });
  return { database, openAgain, sealed, seal, record };
}

function recordOne(tx: Tx, name: string): Promise<void> {
  return recordAudit(tx, {
    action: 'test.happened',
    actor: systemActor,
    workspaceId: 'ws_1',
    targetId: null,
    data: { name },
  });
}

const events = (database: Database) => database.read.selectFrom('audit_events').selectAll().orderBy('seq').execute();
const batches = (database: Database) =>
  database.read.selectFrom('audit_batches').selectAll().orderBy('number').execute();

describe.each(DATABASES)('the audit log on %s', (kind) => {
  test('holds an event exactly when the write that it tells of is kept', async () => {
    const { database } = await newLog(kind);
    const undone = database.write(async (tx) => {
      await recordOne(tx, 'undone');
      throw new Error('no');
    });
    await expect(undone).rejects.toThrow('no');
    await database.write((tx) => recordOne(tx, 'kept'));
    const rows = await events(database);
    expect(rows.map(({ data }) => JSON.parse(data))).toEqual([{ name: 'kept' }]);
    expect(rows[0]).toMatchObject({ batch: null, actor_kind: 'system', created_at: clock.nowMs() });
    expect(rows[0]?.id).toMatch(/^evt_[0-9A-Za-z]{24}$/);
  });

  test('is sealed in batches that continue one another, each said aloud, and is whole', async () => {
    const { database, record, seal, sealed } = await newLog(kind);
    await seal();
    expect(await batches(database)).toEqual([]);
    expect(await verifyAuditLog(database)).toEqual({ batches: 0, events: 0, head: null, problems: [] });
    await record(3);
    await seal();
    await seal();
    await record(120);
    await seal();
    const rows = await batches(database);
    expect(rows.map(({ number, event_count }) => [number, event_count])).toEqual([
      [1, 3],
      [2, 50],
      [3, 50],
      [4, 20],
    ]);
    expect(rows.map(({ previous_hash }) => previous_hash)).toEqual([
      '0'.repeat(64),
      ...rows.map(({ hash }) => hash).slice(0, 3),
    ]);
    expect(sealed).toEqual(rows.map(({ number, hash, event_count }) => ({ number, hash, events: event_count })));
    expect(await verifyAuditLog(database)).toEqual({ batches: 4, events: 123, head: rows[3]?.hash, problems: [] });
    await record(1, 'not sealed yet');
    expect(await verifyAuditLog(database)).toMatchObject({ events: 123, problems: [] });
  });

  test('seals each event once, however many seal at the same moment', async () => {
    const { database, openAgain, record, seal, sealed } = await newLog(kind);
    const others = [await openAgain(), await openAgain()];
    for (let round = 1; round <= 8; round += 1) {
      await record(7, `round ${round}`);
      await Promise.all([seal(), seal(), ...others.map((other) => seal(other))]);
    }
    await seal();
    const rows = await batches(database);
    expect(rows.map(({ number }) => number)).toEqual(rows.map((_, index) => index + 1));
    expect(rows.reduce((sum, { event_count }) => sum + event_count, 0)).toBe(56);
    expect((await events(database)).every(({ batch }) => batch !== null)).toBe(true);
    expect(sealed.map(({ number }) => number).sort()).toEqual(rows.map(({ number }) => number));
    expect(await database.read.selectFrom('audit_keys').select('id').execute()).toHaveLength(1);
    expect((await verifyAuditLog(database)).problems).toEqual([]);
  });

  test('keeps its signing key encrypted', async () => {
    const { database, record, seal } = await newLog(kind);
    await record(1);
    await seal();
    const key = await database.read.selectFrom('audit_keys').selectAll().executeTakeFirstOrThrow();
    expect(key.private_key_sealed).toMatch(/^test:[\w-]+$/);
    expect(envelope.unseal(key.private_key_sealed, `audit_keys.private_key:${key.id}`)).toContain('PRIVATE KEY');
  });

  test('survives a reopening with its seals', async () => {
    const { database, openAgain, record, seal } = await newLog(kind);
    await record(5);
    await seal();
    const { head } = await verifyAuditLog(database);
    await close(database);
    const again = await openAgain();
    await seal(again);
    expect(await verifyAuditLog(again)).toEqual({ batches: 1, events: 5, head, problems: [] });
  });

  // What PostgreSQL may do differently is how it reads numbers and null back.
  const all = Object.keys(tamperings);
  test.each(kind === 'sqlite' ? all : all.slice(0, 4))('shows it when somebody has %s', async (name) => {
    const { database, record, seal } = await newLog(kind);
    for (let round = 0; round < 4; round += 1) {
      await record(3, `round ${round}`);
      await seal();
    }
    expect((await verifyAuditLog(database)).problems).toEqual([]);
    const { tamper, complaint } = tamperings[name]!;
    await database.write(tamper);
    const { problems } = await verifyAuditLog(database);
    expect(problems.join('\n')).toMatch(complaint);
    await record(1, 'later');
    await seal();
    expect((await verifyAuditLog(database)).problems.join('\n')).toMatch(complaint);
  });

  test('shows by its head that the newest batch was cut off', async () => {
    const { database, record, seal, sealed } = await newLog(kind);
    for (const name of ['first', 'second']) {
      await record(2, name);
      await seal();
    }
    await database.write(async (tx) => {
      await tx.query.deleteFrom('audit_events').where('batch', '=', 2).execute();
      await tx.query.deleteFrom('audit_batches').where('number', '=', 2).execute();
    });
    const report = await verifyAuditLog(database);
    expect(report.head).not.toBe(sealed.at(-1)?.hash);
    expect(report.head).toBe(sealed.at(0)?.hash);
  });

  test('is not fooled by a new seal from somebody without the key', async () => {
    const { database, record, seal } = await newLog(kind);
    await record(2);
    await seal();
    const other = createEnvelope([{ id: 'test', bytes: randomBytes(32) }], randomBytes);
    const key = await database.read.selectFrom('audit_keys').selectAll().executeTakeFirstOrThrow();
    expect(() => other.unseal(key.private_key_sealed, `audit_keys.private_key:${key.id}`)).toThrow();
    const forger = generateAuditKey();
    await database.write(async (tx) => {
      await tx.query.updateTable('audit_events').set({ action: 'test.forged' }).where('batch', '=', 1).execute();
      const rows = await tx.query
        .selectFrom('audit_events')
        .selectAll()
        .where('batch', '=', 1)
        .orderBy('seq')
        .execute();
      const hash = hashBatch('0'.repeat(64), 1, rows);
      const signature = signHash(hash, createPrivateKey(forger.privateKey));
      await tx.query.updateTable('audit_batches').set({ hash, signature }).execute();
    });
    expect((await verifyAuditLog(database)).problems).toEqual(['batch 1: its signature is not ours']);
  });
});
