import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { freshPostgres } from '../harness.ts';
import { newDataDir, runProgram, startProgram, stopPrograms } from '../running/program.ts';
import { startRedis } from '../services/redis.ts';

// Each command is a process of its own, and the machine may be busy.
vi.setConfig({ testTimeout: 120_000 });

afterAll(stopPrograms);

interface Finding {
  area: string;
  level: string;
  what: string;
  cure?: string;
}

async function examine(dataDir: string, env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await runProgram(['doctor', '--json'], { dataDir, env });
  const report = JSON.parse(stdout) as {
    exit_code: number;
    settings: { name: string; value: string | null; source: string; reference: string | null }[];
    urls: Record<string, string>;
    findings: Finding[];
  };
  expect(report.exit_code).toBe(code);
  const bad = report.findings.filter(({ level }) => level === 'warning' || level === 'problem');
  const setting = (name: string) => report.settings.find((found) => found.name === name);
  return { code, stdout, stderr, ...report, bad, setting };
}

test('before the first start there is nothing to mend, and nothing is made', async () => {
  const dataDir = join(newDataDir(), 'new', 'data');
  const { code, bad, findings, setting } = await examine(dataDir);
  expect([code, bad]).toEqual([0, []]);
  expect(existsSync(join(dataDir, '..'))).toBe(false);
  expect(findings).toContainEqual(
    expect.objectContaining({ area: 'storage', what: expect.stringContaining('no database at') }),
  );
  expect(setting('LATCHKEY_ROOT_KEY')).toMatchObject({ value: null, source: 'unset' });
  expect(setting('PORT')).toMatchObject({ value: '0', source: 'environment' });
  expect(setting('HOST')).toMatchObject({ value: '127.0.0.1', source: 'default' });
});

test('beside a server: who serves, the head of the audit log, what production would refuse; no secrets', async () => {
  const program = await startProgram();
  const { dataDir } = program;
  const { code, bad, findings, setting, stdout } = await examine(dataDir);
  expect([code, bad]).toEqual([0, []]);
  const said = findings.map(({ area, what }) => `${area}: ${what}`).join('\n');
  expect(said).toContain(`process ${program.pid} serves it at ${program.ready.url}`);
  expect(said).toContain('every migration is applied');
  expect(said).toMatch(/would refuse to start: LATCHKEY_ISSUER is not set/);
  expect(setting('LATCHKEY_ROOT_KEY')).toMatchObject({ source: 'generated', reference: join(dataDir, 'root-key') });
  const text = await runProgram(['doctor'], { dataDir });
  for (const name of ['root-key', 'encryption-keys']) {
    const secret = readFileSync(join(dataDir, name), 'utf8').trim();
    for (const shown of [stdout, text.stdout, text.stderr]) expect(shown).not.toContain(secret);
  }
  await program.end('SIGKILL');
  expect((await examine(dataDir)).findings).toContainEqual(expect.objectContaining({ what: 'no process serves it' }));
});

test('settings that keep a server from starting are 2, each with its cure', async () => {
  const env = { HOST: '0.0.0.0', LATCHKEY_ISSUER: 'https://x.example.com/', LATCHKEY_ROOT_KEY: 'very-secret-text' };
  const { code, bad, stdout } = await examine(newDataDir(), env);
  expect([code, bad.map(({ level }) => level)]).toEqual([2, ['problem', 'problem', 'problem']]);
  for (const name of ['LATCHKEY_MODE', 'LATCHKEY_ISSUER', 'LATCHKEY_ROOT_KEY']) {
    expect(bad).toContainEqual(
      expect.objectContaining({ what: expect.stringContaining(name), cure: expect.any(String) }),
    );
  }
  expect(stdout).not.toContain('very-secret-text');
  const text = await runProgram(['doctor'], { env });
  expect([text.code, text.stdout]).toEqual([
    2,
    expect.stringMatching(/^problem {2}settings: LATCHKEY_MODE .*\n +-> set/m),
  ]);
});

test('what wants a hand is 1: open files, names that are no setting, a Redis that is not there', async () => {
  const dataDir = newDataDir();
  await runProgram(['migrate'], { dataDir });
  const secret = join(dataDir, 'secret');
  writeFileSync(secret, 'postgres://nobody@127.0.0.1:9/none');
  chmodSync(secret, 0o640);
  chmodSync(dataDir, 0o755);
  const env = { LATCHKEY_REDIS_URL: 'redis://127.0.0.1:9', LATCHKEY_PROT: '1' };
  const { code, bad } = await examine(dataDir, env);
  expect([code, bad.map(({ area }) => area).sort()]).toEqual([1, ['permissions', 'redis', 'settings']]);
  expect(bad).toContainEqual(expect.objectContaining({ cure: `chmod 700 ${dataDir}` }));
  const reference = await examine(dataDir, { LATCHKEY_DATABASE_URL: `file:${secret}` });
  expect([reference.code, reference.setting('LATCHKEY_DATABASE_URL')]).toEqual([
    2,
    { name: 'LATCHKEY_DATABASE_URL', value: null, source: 'file', reference: secret, is_set: true },
  ]);
  expect(reference.bad).toContainEqual(expect.objectContaining({ cure: `chmod 600 ${secret}` }));
  expect(reference.bad).toContainEqual(expect.objectContaining({ level: 'problem', area: 'storage' }));
  chmodSync(dataDir, 0o700);
  expect(readdirSync(dataDir).filter((name) => !name.startsWith('latchkey.sqlite'))).toEqual(['secret']);
});

test.runIf(process.getuid?.() === 0)(
  'a secret that somebody else put there for all to read is worth a note',
  async () => {
    const dataDir = newDataDir();
    const secret = join(dataDir, 'mounted');
    writeFileSync(secret, 'redis://127.0.0.1:9', { mode: 0o444 });
    chmodSync(secret, 0o444);
    chownSync(secret, 65_534, 65_534);
    const { findings, bad } = await examine(dataDir, {
      LATCHKEY_DATABASE_URL: 'sqlite:x',
      LATCHKEY_REDIS_URL: `file:${secret}`,
    });
    expect(findings).toContainEqual({
      area: 'permissions',
      level: 'note',
      what: `${secret} belongs to user 65534, who lets others read it`,
    });
    expect(bad.map(({ area }) => area)).toEqual(['redis']);
  },
);

test('encryption keys that do not open the database are a problem, as they are at the start', async () => {
  const program = await startProgram();
  const { dataDir } = program;
  const sealed = async () => {
    const { findings } = await examine(dataDir);
    expect(findings).toContainEqual(expect.objectContaining({ level: 'ok', area: 'audit' }));
    expect(findings).toContainEqual(expect.objectContaining({ level: 'ok', area: 'encryption keys' }));
  };
  await vi.waitFor(sealed, { timeout: 20_000 });
  await program.end('SIGTERM');
  const file = join(dataDir, 'encryption-keys');
  const keys = readFileSync(file, 'utf8');
  rmSync(file);
  const lost = await examine(dataDir);
  expect([lost.code, lost.bad]).toEqual([
    2,
    [expect.objectContaining({ what: expect.stringContaining('needs the key "dev"') })],
  ]);
  writeFileSync(file, `dev:${randomBytes(32).toString('base64')}\n`, { mode: 0o600 });
  const wrong = await examine(dataDir);
  expect([wrong.code, wrong.bad]).toEqual([
    2,
    [expect.objectContaining({ what: expect.stringContaining('does not open'), cure: expect.any(String) })],
  ]);
  writeFileSync(file, keys);
  expect((await examine(dataDir)).code).toBe(0);
});

test('PostgreSQL and Redis: versions, sizes, clocks', async () => {
  const redis = await startRedis();
  try {
    const LATCHKEY_DATABASE_URL = await freshPostgres();
    const env = { LATCHKEY_DATABASE_URL, LATCHKEY_REDIS_URL: redis.url };
    const empty = await examine(newDataDir(), env);
    expect([empty.code, empty.bad]).toEqual([0, []]);
    expect(empty.findings).toContainEqual(
      expect.objectContaining({ level: 'note', what: expect.stringContaining('migrations to come') }),
    );
    await runProgram(['migrate'], { env });
    const { findings, code } = await examine(newDataDir(), env);
    const said = findings.map(({ area, level, what }) => `${level} ${area}: ${what}`);
    expect(code).toBe(0);
    expect(said).toContainEqual(expect.stringMatching(/^ok storage: PostgreSQL \d+\S* .*holds [\d.]+ MiB$/));
    expect(said).toContain('ok clock: agrees with that of PostgreSQL');
    expect(said).toContain('ok clock: agrees with that of Redis');
    expect(said).toContainEqual(expect.stringMatching(/^ok redis: answers \(\d/));
    expect(said).toContain('ok storage: every migration is applied');
  } finally {
    await redis.stop();
  }
});
