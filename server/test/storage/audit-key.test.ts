import { createPrivateKey } from 'node:crypto';
import { rmSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { generateAuditKey, hashBatch, signHash } from '../../src/audit/batch.ts';
import { createAuditSealer, createRecordAudit, systemActor, verifyAuditLog } from '../../src/audit/index.ts';
import { newEncryptionKey } from '../../src/config/index.ts';
import { createEnvelope, pooledRandom } from '../../src/crypto/index.ts';
import { manualClock, startServer, stopServers, temporaryFolder } from '../harness.ts';
import { closeDatabases, newDatabase } from './databases.ts';

const folders: string[] = [];
afterEach(async () => {
  await stopServers();
  await closeDatabases();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const randomBytes = pooledRandom();
const clock = manualClock();
const recordAudit = createRecordAudit(clock, randomBytes);
const newEnvelope = () => createEnvelope([{ id: 'test', bytes: randomBytes(32) }], randomBytes);

async function newLog() {
  const database = await newDatabase('sqlite');
  const envelope = newEnvelope();
  const seal = createAuditSealer({ database, clock, envelope, onSealed: () => {} });
  const record = () =>
    database.write((tx) =>
      recordAudit(tx, { action: 'test.happened', actor: systemActor, workspaceId: null, targetId: null, data: {} }),
    );
  return { database, envelope, seal, record };
}

test('a log rewritten under another key, whose public half was put in place of ours, is not whole', async () => {
  const { database, envelope, seal, record } = await newLog();
  await record();
  await seal();
  expect((await verifyAuditLog(database, envelope)).problems).toEqual([]);
  const forger = generateAuditKey();
  await database.write(async (tx) => {
    await tx.query.updateTable('audit_events').set({ action: 'test.forged' }).execute();
    const events = await tx.query.selectFrom('audit_events').selectAll().execute();
    const hash = hashBatch('0'.repeat(64), 1, events);
    await tx.query
      .updateTable('audit_batches')
      .set({ hash, signature: signHash(hash, createPrivateKey(forger.privateKey)) })
      .execute();
    await tx.query.updateTable('audit_keys').set({ public_key: forger.publicKey }).execute();
  });
  expect((await verifyAuditLog(database, envelope)).problems).toEqual([
    'key audit-1: its public key was changed',
    'batch 1: its signature is not ours',
  ]);
  expect((await verifyAuditLog(database, newEnvelope())).problems).toEqual([
    expect.stringContaining('key audit-1: cannot be checked'),
  ]);
});

test('nothing is sealed over a log whose end was cut off under the server', async () => {
  const { database, seal, record } = await newLog();
  for (let batch = 0; batch < 2; batch += 1) {
    await record();
    await seal();
  }
  await database.write(async (tx) => {
    await tx.query.deleteFrom('audit_events').where('batch', '=', 2).execute();
    await tx.query.deleteFrom('audit_batches').where('number', '=', 2).execute();
  });
  await record();
  await expect(seal()).rejects.toThrow('tampered with');
  const batches = await database.read.selectFrom('audit_batches').select('number').execute();
  expect(batches).toEqual([{ number: 1 }]);
});

test('a server whose encryption keys do not open the audit key does not start, and says which setting', async () => {
  const dataDir = temporaryFolder();
  folders.push(dataDir);
  const env = { LATCHKEY_ENCRYPTION_KEYS: newEncryptionKey('one', randomBytes) };
  const server = await startServer({ dataDir, env });
  const { database, clock: now } = { database: server.latchkey.database, clock: server.clock };
  const envelope = createEnvelope(server.config.encryptionKeys, randomBytes);
  await createAuditSealer({ database, clock: now, envelope, onSealed: () => {} })();
  await server.stop();
  const other = { LATCHKEY_ENCRYPTION_KEYS: newEncryptionKey('two', randomBytes) };
  await expect(startServer({ dataDir, env: other })).rejects.toMatchObject({
    problems: [expect.objectContaining({ setting: 'LATCHKEY_ENCRYPTION_KEYS' })],
  });
  await (await startServer({ dataDir, env })).stop();
});
