import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { createRecordAudit, sealAuditLog, systemActor } from '../../src/audit/index.ts';
import { MIGRATIONS } from '../../src/compose.ts';
import { SETTINGS } from '../../src/config/index.ts';
import { createEnvelope, pooledRandom } from '../../src/crypto/index.ts';
import { openSqlite } from '../../src/database/index.ts';
import { DATABASES, freshPostgres, manualClock } from '../harness.ts';
import { tamperings } from '../storage/tamperings.ts';
import { newDataDir, repository, runProgram, startProgram, stopPrograms } from './program.ts';

afterAll(stopPrograms);

/** A database in a data dir with four sealed batches of three events. */
async function sealedLog() {
  const dataDir = newDataDir();
  const database = openSqlite(join(dataDir, 'latchkey.sqlite'));
  await database.migrate(MIGRATIONS, { dryRun: false, nowMs: 1 });
  const [clock, randomBytes] = [manualClock(), pooledRandom()];
  const recordAudit = createRecordAudit(clock, randomBytes);
  const envelope = createEnvelope([{ id: 'test', bytes: randomBytes(32) }], randomBytes);
  for (let round = 0; round < 4; round += 1) {
    await database.write(async (tx) => {
      for (const name of ['a', 'b', 'c']) {
        const entry = {
          action: 'test.happened',
          actor: systemActor,
          workspaceId: null,
          targetId: null,
          data: { name },
        };
        await recordAudit(tx, entry);
      }
    });
    await sealAuditLog({ database, clock, envelope, onSealed: () => {} });
  }
  return { dataDir, database };
}

test.concurrent('help, version, and what is no command', async () => {
  const [help, settings, version, unknown] = await Promise.all([
    runProgram(['help']),
    runProgram(['help', 'settings']),
    runProgram(['version']),
    runProgram(['serve', '--jsn']),
  ]);
  for (const { code, stderr } of [help, settings, version]) expect([code, stderr]).toEqual([0, '']);
  for (const { name } of SETTINGS) expect(settings.stdout).toContain(`  ${name} `);
  const packaged = JSON.parse(readFileSync(join(repository, 'server', 'package.json'), 'utf8')) as { version: string };
  expect(version.stdout).toBe(`${packaged.version}\n`);
  expect([unknown.code, unknown.stdout]).toEqual([2, '']);
  expect(unknown.stderr).toMatch(/--jsn\. Did you mean `--json`\?\nTry `latchkey serve --help`/);
});

describe.concurrent.each(DATABASES)('latchkey migrate on %s', (kind) => {
  test('says what it would do, does it, and then has nothing to do', async () => {
    const env: Record<string, string> = {};
    if (kind === 'postgres') env.LATCHKEY_DATABASE_URL = await freshPostgres();
    const dataDir = newDataDir();
    const migrate = (...options: string[]) => runProgram(['migrate', ...options], { env, dataDir });
    const wouldApply = MIGRATIONS.map(({ name }) => `would apply ${name}`);
    const headings = (text: string) => text.split('\n').filter((line) => /^\w/.test(line));
    const dry = await migrate('--dry-run');
    expect([dry.code, dry.stderr, headings(dry.stdout)]).toEqual([0, '', wouldApply]);
    expect(dry.stdout).toMatch(/^ {2}create table "api_keys" \(.*\);$/m);
    const done = await migrate();
    expect([done.code, done.stdout]).toEqual([0, MIGRATIONS.map(({ name }) => `applied ${name}\n`).join('')]);
    const [again, json] = await Promise.all([migrate(), migrate('--json')]);
    expect([again.code, again.stdout]).toEqual([0, 'The database is up to date.\n']);
    expect(JSON.parse(json.stdout)).toEqual({ applied: MIGRATIONS.map(({ name }) => name).sort(), pending: [] });
    // Secrets are made by the first start, which shows them.
    expect(readdirSync(dataDir).filter((name) => !name.startsWith('latchkey.sqlite'))).toEqual([]);
  });
});

describe.concurrent('latchkey audit verify', () => {
  test('on a database that was never begun says what to do', async () => {
    const { code, stdout, stderr } = await runProgram(['audit', 'verify']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/LATCHKEY_DATABASE_URL .*\n {4}-> run `latchkey migrate`/);
  });

  test('finds the log of a server whole, also while it runs', async () => {
    const program = await startProgram({ env: { LATCHKEY_LOG_LEVEL: 'debug' } });
    await vi.waitFor(() => expect(program.stderr()).toContain('audit batch sealed'), { timeout: 10_000 });
    const { dataDir } = program;
    const [text, json] = await Promise.all([
      runProgram(['audit', 'verify'], { dataDir }),
      runProgram(['audit', 'verify', '--json'], { dataDir }),
    ]);
    const report = JSON.parse(json.stdout);
    expect(report).toMatchObject({ batches: 1, problems: [], head: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(report.events).toBeGreaterThan(2);
    expect(program.stderr()).toContain(report.head);
    const verdict = `^The audit log is whole: ${report.events} events .* head ${report.head}\n$`;
    expect(text.stdout).toMatch(new RegExp(verdict));
    expect([text.code, json.code]).toEqual([0, 0]);
  });

  test('ends with 1 when somebody tampered with the log, and says how', async () => {
    const cases = [
      'changed the data of an event',
      'deleted an event',
      'inserted an event into a sealed batch',
      'deleted a batch in the middle, with its events',
      'changed a signature',
      'changed the hash before',
    ];
    const results = await Promise.all(
      cases.map(async (name) => {
        const { tamper, complaint } = tamperings[name]!;
        const { dataDir, database } = await sealedLog();
        await database.write(tamper);
        await database.close();
        return { complaint, finished: await runProgram(['audit', 'verify'], { dataDir }) };
      }),
    );
    for (const { complaint, finished } of results) {
      expect([finished.code, finished.stdout]).toEqual([1, expect.stringMatching(complaint)]);
      expect(finished.stdout).toContain('The audit log is NOT whole');
    }
  });
});
