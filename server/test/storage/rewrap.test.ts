import { rmSync } from 'node:fs';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  auditSealedColumns,
  createRecordAudit,
  sealAuditLog,
  systemActor,
  verifyAuditLog,
} from '../../src/audit/index.ts';
import { newEncryptionKey } from '../../src/config/index.ts';
import { createEnvelope, type EncryptionKey, pooledRandom } from '../../src/crypto/index.ts';
import type { Database } from '../../src/database/index.ts';
import { createRewrapper, encryptionKeysProblem, keyNeeds } from '../../src/sealed-values/index.ts';
import { DATABASES, freshPostgres, manualClock, startServer, stopServers, temporaryFolder } from '../harness.ts';
import { closeDatabases, newDatabase } from './databases.ts';

const folders: string[] = [];
afterEach(async () => {
  await stopServers();
  await closeDatabases();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const randomBytes = pooledRandom();
const clock = manualClock();
const newKey = (id: string): EncryptionKey => ({ id, bytes: randomBytes(32) });
const envelopeOf = (...keys: EncryptionKey[]) => createEnvelope(keys, randomBytes);
const columns = auditSealedColumns;
const contextOf = (id: string) => columns[0]!.context(id);

/** Rows that stand for the sealed values of any table. */
async function fill(database: Database, key: EncryptionKey, ids: readonly string[]): Promise<void> {
  const envelope = envelopeOf(key);
  await database.write(async (tx) => {
    for (const id of ids) {
      const row = {
        id,
        public_key: '',
        private_key_sealed: envelope.seal(`secret of ${id}`, contextOf(id)),
        created_at: 1,
      };
      await tx.query.insertInto('audit_keys').values(row).execute();
    }
  });
}

const rows = (database: Database) => database.read.selectFrom('audit_keys').selectAll().orderBy('id').execute();

function rewrapper(database: Database, ...keys: EncryptionKey[]) {
  const told = { batches: 0, failed: [] as string[], passes: [] as unknown[] };
  const run = createRewrapper({
    database,
    clock,
    envelope: envelopeOf(...keys),
    columns,
    onBatch: () => {
      told.batches += 1;
    },
    onFailed: (_, id) => told.failed.push(id),
    onPass: (pass) => told.passes.push(pass),
  });
  return { told, run };
}

const idsOf = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => `k-${String(from + index).padStart(5, '0')}`);

describe.each(DATABASES)('values sealed under several keys, on %s', (kind) => {
  test('are counted by key, also where ids differ in case or begin alike', async () => {
    const database = await newDatabase(kind);
    await fill(database, newKey('a'), idsOf(3));
    await fill(database, newKey('A'), idsOf(2, 10));
    await fill(database, newKey('a_'), idsOf(1, 20));
    await fill(database, newKey('ab'), idsOf(1, 30));
    const needs = await keyNeeds(database.read, columns);
    expect(needs.map(({ keyId, values }) => [keyId, values]).sort()).toEqual([
      ['A', 2],
      ['a', 3],
      ['a_', 1],
      ['ab', 1],
    ]);
  });

  test('come under the first key in small batches, and open as before', async () => {
    const database = await newDatabase(kind);
    const [old, next] = [newKey('old'), newKey('next')];
    await fill(database, old, idsOf(620));
    const { run, told } = rewrapper(database, next, old);
    await run();
    const after = await keyNeeds(database.read, columns);
    expect(after).toEqual([
      { keyId: 'next', table: 'audit_keys', values: 500 },
      { keyId: 'old', table: 'audit_keys', values: 120 },
    ]);
    expect(told.passes).toEqual([]);
    await run();
    expect(await keyNeeds(database.read, columns)).toEqual([{ keyId: 'next', table: 'audit_keys', values: 620 }]);
    expect(told).toEqual({ batches: 13, failed: [], passes: [{ byTable: { audit_keys: 620 }, failed: 0 }] });
    const alone = envelopeOf(next);
    for (const { id, private_key_sealed } of await rows(database)) {
      expect(alone.unseal(private_key_sealed, contextOf(id))).toBe(`secret of ${id}`);
    }
  });

  test('two at once, one of which ends half way, leave nothing undone and nothing broken', async () => {
    const database = await newDatabase(kind);
    const [old, next] = [newKey('old'), newKey('next')];
    await fill(database, old, idsOf(700));
    const [one, two] = [rewrapper(database, next, old), rewrapper(database, next, old)];
    await Promise.all([one.run(), two.run()]);
    // The first is never run again; a third begins anew.
    const third = rewrapper(database, next, old);
    for (let run = 0; run < 3; run += 1) await third.run();
    expect(await keyNeeds(database.read, columns)).toEqual([{ keyId: 'next', table: 'audit_keys', values: 700 }]);
    const alone = envelopeOf(next);
    for (const { id, private_key_sealed } of await rows(database)) {
      expect(alone.unseal(private_key_sealed, contextOf(id))).toBe(`secret of ${id}`);
    }
  });

  test('a value that was changed meanwhile keeps the change', async () => {
    const database = await newDatabase(kind);
    const [old, next] = [newKey('old'), newKey('next')];
    await fill(database, old, ['k']);
    const newer = envelopeOf(old).seal('newer', contextOf('k'));
    const { run } = rewrapper(
      {
        ...database,
        write: async (work) => {
          const change = { private_key_sealed: newer };
          await database.write((tx) => tx.query.updateTable('audit_keys').set(change).execute());
          return database.write(work);
        },
      },
      next,
      old,
    );
    await run();
    expect((await rows(database)).map(({ private_key_sealed }) => private_key_sealed)).toEqual([newer]);
  });

  test('one that does not open, or was moved from another row, is told and left, and the rest goes on', async () => {
    const database = await newDatabase(kind);
    const [old, next] = [newKey('old'), newKey('next')];
    await fill(database, old, idsOf(60));
    const moved = (await rows(database))[0]!.private_key_sealed;
    await database.write((tx) =>
      tx.query.updateTable('audit_keys').set({ private_key_sealed: moved }).where('id', '=', 'k-00007').execute(),
    );
    const { run, told } = rewrapper(database, next, old);
    await run();
    expect(told.failed).toEqual(['k-00007']);
    expect(told.passes).toEqual([{ byTable: { audit_keys: 59 }, failed: 1 }]);
    expect((await rows(database))[7]!.private_key_sealed).toBe(moved);
  });

  test('a text that names no key is told, and nobody searches behind it for ever', async () => {
    const database = await newDatabase(kind);
    const key = newKey('a');
    await fill(database, key, idsOf(3));
    await database.write((tx) =>
      tx.query.updateTable('audit_keys').set({ private_key_sealed: 'garbage' }).where('id', '=', 'k-00001').execute(),
    );
    expect((await keyNeeds(database.read, columns))[0]).toEqual({ keyId: 'a', table: 'audit_keys', values: 2 });
    const settings = { keys: [key], envelope: envelopeOf(key) };
    expect(await encryptionKeysProblem(database.read, columns, settings)).toMatchObject({
      problem: 'cannot open audit_keys k-00001: what stands there is no sealed value',
    });
  });

  test('a missing key, and other bytes under its id, are told apart', async () => {
    const database = await newDatabase(kind);
    const [old, next] = [newKey('old'), newKey('next')];
    await fill(database, old, idsOf(2));
    const ask = (...keys: EncryptionKey[]) =>
      encryptionKeysProblem(database.read, columns, { keys, envelope: envelopeOf(...keys) });
    expect(await ask(next, old)).toBe(null);
    expect((await ask(next))?.problem).toBe('has no key "old", and 2 values in audit_keys cannot be read without it');
    expect((await ask(newKey('old')))?.problem).toMatch(/^has a key "old" that does not open audit_keys k-00000/);
  });

  test('a server brings them under a new key; then the old one can go, and not before', async () => {
    const dataDir = temporaryFolder();
    folders.push(dataDir);
    const [old, next] = [newEncryptionKey('old', randomBytes), newEncryptionKey('next', randomBytes)];
    const url: Record<string, string> = kind === 'postgres' ? { LATCHKEY_DATABASE_URL: await freshPostgres() } : {};
    const start = (keys: string) => startServer({ dataDir, env: { ...url, LATCHKEY_ENCRYPTION_KEYS: keys } });
    const first = await start(old);
    const recordAudit = createRecordAudit(first.clock, randomBytes);
    await first.latchkey.database.write((tx) =>
      recordAudit(tx, { action: 'test.happened', actor: systemActor, workspaceId: null, targetId: null }),
    );
    const envelope = createEnvelope(first.config.encryptionKeys, randomBytes);
    await sealAuditLog({ database: first.latchkey.database, clock, envelope, onSealed: () => {} });
    await first.stop();
    await expect(start(next)).rejects.toMatchObject({
      problems: [{ setting: 'LATCHKEY_ENCRYPTION_KEYS', problem: expect.stringContaining('no key "old"') }],
    });
    const both = await start(`${next},${old}`);
    await vi.waitFor(
      async () => {
        const needs = await keyNeeds(both.latchkey.database.read, columns);
        expect(needs).toEqual([{ keyId: 'next', table: 'audit_keys', values: 1 }]);
      },
      { timeout: 10_000 },
    );
    expect((await both.call('/metrics', { key: both.rootKey })).text).toContain(
      'latchkey_sealed_values_rewrapped_total{table="audit_keys"} 1',
    );
    await vi.waitFor(() => expect(both.logLines.join('')).toContain('"key":"next","msg":"values sealed anew"'), {
      timeout: 10_000,
    });
    await both.stop();
    const alone = await start(next);
    const { database } = alone.latchkey;
    const report = await verifyAuditLog(database, createEnvelope(alone.config.encryptionKeys, randomBytes));
    expect(report.problems).toEqual([]);
  });
});
