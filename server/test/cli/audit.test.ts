import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { createRecordAudit, sealAuditLog, systemActor } from '../../src/audit/index.ts';
import { MIGRATIONS } from '../../src/compose.ts';
import { createEnvelope, pooledRandom } from '../../src/crypto/index.ts';
import { type Database, openPostgres, openSqlite } from '../../src/database/index.ts';
import { DATABASES, type DatabaseName, freshPostgres, manualClock } from '../harness.ts';
import { newDataDir, runProgram, startProgram, stopPrograms } from '../running/program.ts';
import { tamperings } from '../storage/tamperings.ts';

// Each command is a process of its own, and the machine may be busy.
vi.setConfig({ testTimeout: 120_000 });

const bin = fileURLToPath(new URL('../../bin/latchkey.js', import.meta.url));
afterAll(stopPrograms);

const randomBytes = pooledRandom();
const envelope = createEnvelope([{ id: 'test', bytes: randomBytes(32) }], randomBytes);

/** A log in a database of its own, and the command line that reads it. */
async function emptyLog(kind: DatabaseName) {
  const dataDir = newDataDir();
  const env: Record<string, string> = {};
  let database: Database;
  if (kind === 'postgres') {
    env.LATCHKEY_DATABASE_URL = await freshPostgres();
    database = openPostgres(env.LATCHKEY_DATABASE_URL, () => {});
  } else database = openSqlite(join(dataDir, 'latchkey.sqlite'));
  await database.migrate(MIGRATIONS, { dryRun: false, nowMs: 1 });
  const clock = manualClock();
  const recordAudit = createRecordAudit(clock, randomBytes);
  return {
    database,
    clock,
    env: { ...env, LATCHKEY_DATA_DIR: dataDir },
    record: async (names: readonly string[]) => {
      // PostgreSQL gives a transaction six seconds, whatever else the machine does.
      for (let from = 0; from < names.length; from += 100) {
        await database.write(async (tx) => {
          for (const name of names.slice(from, from + 100)) {
            const entry = {
              action: 'test.happened',
              actor: systemActor,
              workspaceId: null,
              targetId: name,
              data: { name },
            };
            await recordAudit(tx, entry);
          }
        });
      }
    },
    seal: () => sealAuditLog({ database, clock, envelope, onSealed: () => {} }),
    run: (...args: string[]) => runProgram(['audit', ...args], { dataDir, env }),
  };
}

const namesIn = (jsonl: string) =>
  jsonl
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line).data.name);

describe.each(DATABASES)('the audit log on %s', (kind) => {
  test('tail shows the newest, and follows what comes', async () => {
    const { database, record, run, env } = await emptyLog(kind);
    await record(['a', 'b', 'c']);
    expect(namesIn((await run('tail', '--json', '-n', '2')).stdout)).toEqual(['b', 'c']);
    expect(namesIn((await run('tail', '--json', '-n', '0')).stdout)).toEqual([]);
    expect(namesIn((await run('tail', '--json')).stdout)).toEqual(['a', 'b', 'c']);
    expect((await run('tail', '-n', '1')).stdout).toMatch(/^2030-01-01T\S+Z test\.happened +system -> c name="c"\n$/);
    const { PATH } = process.env;
    const child = spawn(process.execPath, [bin, 'audit', 'tail', '-f', '-n', '1', '--json'], { env: { PATH, ...env } });
    const exited = once(child, 'exit');
    let shown = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      shown += chunk;
    });
    const sees = (names: string[]) => vi.waitFor(() => expect(namesIn(shown)).toEqual(names), { timeout: 30_000 });
    await sees(['c']);
    await record(['d']);
    await sees(['c', 'd']);
    await record(Array.from({ length: 1200 }, (_, at) => `many ${at}`));
    await record(['last']);
    await vi.waitFor(() => expect(namesIn(shown)).toHaveLength(1203), { timeout: 30_000 });
    child.kill('SIGINT');
    expect(await exited).toEqual([null, 'SIGINT']);
    await database.close();
  });

  test('export gives each event once, between two times, as lines or as CSV without formulas', async () => {
    const { database, record, seal, run, clock } = await emptyLog(kind);
    const many = Array.from({ length: 1100 }, (_, at) => `n${at}`);
    await record(many);
    await seal();
    clock.advance(86_400_000);
    await record(['=1+1', '@SUM(A1)', '+1', '-1', ' =1', 'a,"b"\nc', 'plain']);
    const all = await run('export');
    expect([all.code, all.stderr]).toEqual([0, '']);
    expect(namesIn(all.stdout)).toEqual([...many, '=1+1', '@SUM(A1)', '+1', '-1', ' =1', 'a,"b"\nc', 'plain']);
    expect(JSON.parse(all.stdout.split('\n')[0] ?? '')).toMatchObject({
      actor_kind: 'system',
      batch: 1,
      created_at: '2030-01-01T00:00:00.000Z',
    });
    const later = await run('export', '--since', '2030-01-02', '--format', 'csv');
    const lines = later.stdout.split('\r\n');
    expect(lines[0]).toBe(
      'id,created_at,action,actor_kind,actor_id,workspace_id,environment,target_id,request_id,address,batch,data',
    );
    const targets = lines
      .slice(1, -1)
      .map((line) => /^evt_\w+,2030-01-02T[^,]*,test\.happened,system,,,,(.*),,,,"\{/s.exec(line)?.[1]);
    expect(targets).toEqual(["'=1+1", "'@SUM(A1)", "'+1", "'-1", "' =1", '"a,""b""\nc"', 'plain']);
    expect(namesIn((await run('export', '--until', '2030-01-01T12:00:00Z')).stdout)).toHaveLength(1100);
    expect((await run('export', '--since', '2030-01-03')).stdout).toBe('');
    expect((await run('export', '--since', '2030-01-03', '--until', '2030-01-02')).code).toBe(2);
    expect((await run('export', '--since', 'yesterday')).code).toBe(2);
    await database.close();
  });

  test('a head that was noted earlier must be in the chain: a log that was sealed anew is found', async () => {
    const { database, record, seal, run } = await emptyLog(kind);
    await record(['a']);
    await seal();
    const noted = JSON.parse((await run('verify', '--json')).stdout).head;
    await record(['b']);
    await seal();
    const fine = await run('verify', '--expect-head', noted.toUpperCase());
    expect([fine.code, fine.stdout]).toEqual([0, expect.stringContaining('whole: 2 events in 2 batches')]);
    // Whoever has the keys unseals everything, changes it, and seals it again: whole in itself.
    await database.write(tamperings['changed the data of an event']!.tamper);
    const { sql } = await import('kysely');
    await database.write(async (tx) => {
      await sql`update audit_events set batch = null`.execute(tx.query);
      await sql`delete from audit_batches`.execute(tx.query);
    });
    await seal();
    expect((await run('verify')).code).toBe(0);
    const found = await run('verify', '--expect-head', noted);
    expect([found.code, found.stdout]).toEqual([1, expect.stringContaining(`the head ${noted} is not in the chain`)]);
    expect((await run('verify', '--expect-head', 'abc')).code).toBe(2);
    await database.close();
  });
});

test('a log is read beside the server that writes it, and a reader that leaves early is no failure', async () => {
  const program = await startProgram();
  const { dataDir } = program;
  const before = namesIn((await runProgram(['audit', 'export'], { dataDir })).stdout).length;
  await program.call('/v1/api-keys', { json: { name: 'noted', scopes: [] } });
  const after = namesIn((await runProgram(['audit', 'export'], { dataDir })).stdout);
  expect([after.length, after.at(-1)]).toEqual([before + 1, 'noted']);
  const { PATH } = process.env;
  const child = spawn('sh', ['-c', '"$0" "$1" audit export | head -n 1', process.execPath, bin], {
    env: { PATH, LATCHKEY_DATA_DIR: dataDir },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (chunk) => {
    said += chunk;
  });
  child.stdout.resume();
  expect([(await once(child, 'close'))[0], said]).toEqual([0, '']);
});
