import { copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { MIGRATIONS } from '../../src/compose.ts';
import { SETTINGS } from '../../src/config/index.ts';
import { parseEncryptionKeys, parseRootKeys } from '../../src/config/parsers.ts';
import { openSqlite } from '../../src/database/index.ts';
import { DATABASES, freshPostgres } from '../harness.ts';
import { tamperings } from '../storage/tamperings.ts';
import { newDataDir, repository, runProgram, startProgram, stopPrograms } from './program.ts';

afterEach(stopPrograms);

const fileOf = (dataDir: string) => join(dataDir, 'latchkey.sqlite');

test('help, version, and what is no command', async () => {
  const [help, version, unknown, option, extra] = await Promise.all([
    runProgram(['help']),
    runProgram(['version']),
    runProgram(['serv']),
    runProgram(['serve', '--jsn']),
    runProgram([]),
  ]);
  for (const { code, stderr } of [help, version, extra]) expect([code, stderr]).toEqual([0, '']);
  for (const { name } of SETTINGS) expect(help.stdout).toContain(`  ${name} `);
  expect(extra.stdout).toBe(help.stdout);
  const packaged = JSON.parse(readFileSync(join(repository, 'server', 'package.json'), 'utf8')) as { version: string };
  expect(version.stdout).toBe(`${packaged.version}\n`);
  for (const { code, stdout } of [unknown, option]) expect([code, stdout]).toEqual([2, '']);
  expect(unknown.stderr).toMatch(/there is no command `serv`\nTry `latchkey help`/);
  expect(option.stderr).toContain('--jsn');
});

test('secrets generate prints a new root key and encryption key each time', async () => {
  const runs = await Promise.all([runProgram(['secrets', 'generate']), runProgram(['secrets', 'generate'])]);
  const keys = runs.map(({ code, stdout, stderr }) => {
    expect([code, stderr]).toEqual([0, '']);
    const [, root = '', encryption = ''] =
      /^LATCHKEY_ROOT_KEY=(.+)\nLATCHKEY_ENCRYPTION_KEYS=(.+)\n$/.exec(stdout) ?? [];
    return [
      ...parseRootKeys(root),
      ...parseEncryptionKeys(encryption).map(({ bytes }) => Buffer.from(bytes).toString('hex')),
    ];
  });
  expect(new Set(keys.flat()).size).toBe(4);
});

describe.each(DATABASES)('latchkey migrate on %s', (kind) => {
  test('says what it would do, does it, and then has nothing to do', async () => {
    const env: Record<string, string> = {};
    if (kind === 'postgres') env.LATCHKEY_DATABASE_URL = await freshPostgres();
    const dataDir = newDataDir();
    const migrate = (...options: string[]) => runProgram(['migrate', ...options], { env, dataDir });
    const wouldApply = MIGRATIONS.map(({ name }) => `would apply ${name}`);
    const headings = (text: string) => text.split('\n').filter((line) => /^\w/.test(line));
    for (let turn = 0; turn < 2; turn += 1) {
      const dry = await migrate('--dry-run');
      expect([dry.code, dry.stderr, headings(dry.stdout)]).toEqual([0, '', wouldApply]);
      expect(dry.stdout).toMatch(/^ {2}create table "api_keys" \(.*\);$/m);
    }
    const done = await migrate();
    expect([done.code, done.stdout]).toEqual([0, MIGRATIONS.map(({ name }) => `applied ${name}\n`).join('')]);
    const [again, json] = await Promise.all([migrate(), migrate('--dry-run', '--json')]);
    expect([again.code, again.stdout]).toEqual([0, 'The database is up to date.\n']);
    expect(JSON.parse(json.stdout)).toEqual({ applied: MIGRATIONS.map(({ name }) => name).sort(), pending: [] });
    expect(readdirSync(dataDir).filter((name) => !name.startsWith('latchkey.sqlite'))).toEqual([]);
  });
});

test('a start after `latchkey migrate` is still the first, and says the root key', async () => {
  const dataDir = newDataDir();
  expect((await runProgram(['migrate'], { dataDir })).code).toBe(0);
  expect((await startProgram({ dataDir })).ready).toMatchObject({ first_start: true, root_key: expect.any(String) });
});

describe('latchkey audit verify', () => {
  test('on a database that was never begun says what to do', async () => {
    const { code, stdout, stderr } = await runProgram(['audit', 'verify']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/LATCHKEY_DATABASE_URL .*\n {4}-> run `latchkey migrate`/);
  });

  test('finds the log of a server whole, also while it runs', async () => {
    const program = await startProgram();
    const batches = () => (program.stderr().match(/audit batch sealed/g) ?? []).length;
    for (let round = 1; round <= 2; round += 1) {
      await program.call('/v1/api-keys', { json: { name: `key ${round}`, scopes: ['read'] } });
      await expect.poll(batches, { timeout: 5000 }).toBeGreaterThanOrEqual(round);
    }
    const { dataDir } = program;
    const [text, json] = await Promise.all([
      runProgram(['audit', 'verify'], { dataDir }),
      runProgram(['audit', 'verify', '--json'], { dataDir }),
    ]);
    const report = JSON.parse(json.stdout);
    expect(report).toMatchObject({ problems: [], head: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(report.events).toBeGreaterThan(3);
    expect(program.stderr()).toContain(report.head);
    expect(text.stdout).toMatch(
      new RegExp(`^The audit log is whole: ${report.events} events .* head ${report.head}\n$`),
    );
    expect([text.code, json.code]).toEqual([0, 0]);
  });

  test('ends with 1 for every way of tampering, and says which', async () => {
    const made = newDataDir();
    const program = await startProgram({ dataDir: made });
    const sealed = () => (program.stderr().match(/audit batch sealed/g) ?? []).length;
    for (let round = 1; round <= 4; round += 1) {
      const names = ['a', 'b', 'c'];
      await Promise.all(names.map((name) => program.call('/v1/api-keys', { json: { name, scopes: ['read'] } })));
      await expect.poll(sealed, { timeout: 5000 }).toBeGreaterThanOrEqual(round);
    }
    await program.end('SIGTERM');
    expect(existsSync(fileOf(made))).toBe(true);
    const tampered = await Promise.all(
      Object.values(tamperings).map(async ({ tamper, complaint }) => {
        const dataDir = newDataDir();
        copyFileSync(fileOf(made), fileOf(dataDir));
        const database = openSqlite(fileOf(dataDir));
        await database.write(tamper);
        await database.close();
        return { complaint, result: await runProgram(['audit', 'verify'], { dataDir }) };
      }),
    );
    for (const { complaint, result } of tampered) {
      expect([result.code, result.stdout]).toEqual([1, expect.stringMatching(complaint)]);
      expect(result.stdout).toContain('The audit log is NOT whole');
    }
  });
});
