import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { auditSealedColumns } from '../../src/audit/index.ts';
import { newEncryptionKey } from '../../src/config/index.ts';
import { createEnvelope, pooledRandom } from '../../src/crypto/index.ts';
import { openSqlite } from '../../src/database/index.ts';
import { DATABASES, freshPostgres } from '../harness.ts';
import { newDataDir, runProgram, startProgram, stopPrograms } from './program.ts';

afterAll(stopPrograms);

const randomBytes = pooledRandom();

const idsIn = (setting: string) =>
  setting
    .trim()
    .split(',')
    .map((entry) => entry.split(':')[0]);

/** The `secrets status` of a folder, as JSON. */
async function status(dataDir: string, env: Record<string, string> = {}) {
  const { code, stdout } = await runProgram(['secrets', 'status', '--json'], { dataDir, env });
  return { code, ...(JSON.parse(stdout) as { done: boolean; keys: { id: string; role: string; values: number }[] }) };
}

test('in development: into the file, used after a restart, and the old key is not needed any more', async () => {
  const dataDir = newDataDir();
  const file = join(dataDir, 'encryption-keys');
  const first = await startProgram({ dataDir, env: { LATCHKEY_LOG_LEVEL: 'debug' } });
  await vi.waitFor(() => expect(first.stderr()).toContain('audit batch sealed'), { timeout: 10_000 });
  const before = readFileSync(file, 'utf8');
  const rotated = await runProgram(['secrets', 'rotate', '--json'], { dataDir });
  expect(rotated.code).toBe(0);
  const { key_id: keyId } = JSON.parse(rotated.stdout) as { key_id: string };
  const after = readFileSync(file, 'utf8');
  expect(idsIn(after)).toEqual([keyId, 'dev']);
  expect(after.endsWith(`,${before}`)).toBe(true);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(rotated.stdout + rotated.stderr).not.toContain(after.slice(keyId.length + 1, 60));
  const waiting = await status(dataDir);
  expect(waiting).toMatchObject({ code: 1, done: false });
  expect(waiting.keys.map(({ id, role, values }) => [id, role, values])).toEqual([
    [keyId, 'first', 0],
    // The audit log's key, and two that sign tokens.
    ['dev', 'spare', 3],
  ]);
  await first.end('SIGTERM');
  const second = await startProgram({ dataDir });
  await vi.waitFor(() => expect(second.stderr()).toContain('values sealed anew'), { timeout: 10_000 });
  expect(await status(dataDir)).toMatchObject({ code: 0, done: true });
  await second.end('SIGTERM');
  const only = { LATCHKEY_ENCRYPTION_KEYS: after.split(',')[0] ?? '' };
  const third = await startProgram({ dataDir, env: only });
  expect((await third.end('SIGTERM')).code).toBe(0);
  const old = { LATCHKEY_ENCRYPTION_KEYS: before.trim() };
  const refused = await runProgram(['serve'], { dataDir, env: old });
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain(`LATCHKEY_ENCRYPTION_KEYS has no key "${keyId}"`);
  expect(refused.stderr).toContain('put the key');
});

test('twice on a day, and many at once: each key is kept', async () => {
  const dataDir = newDataDir();
  const program = await startProgram({ dataDir });
  await program.end('SIGTERM');
  const runs = await Promise.all(
    Array.from({ length: 6 }, () => runProgram(['secrets', 'rotate', '--json'], { dataDir })),
  );
  const done = runs.filter(({ code }) => code === 0).map(({ stdout }) => JSON.parse(stdout).key_id as string);
  expect(done.length).toBeGreaterThan(0);
  for (const { code, stderr } of runs) if (code !== 0) expect(stderr).toMatch(/is at work/);
  const ids = idsIn(readFileSync(join(dataDir, 'encryption-keys'), 'utf8'));
  expect([...ids].sort()).toEqual([...done, 'dev'].sort());
  const next = await runProgram(['secrets', 'rotate', '--json'], { dataDir });
  expect(next.code).toBe(0);
});

test('before the first start there is nothing to rotate, and nothing is made', async () => {
  const dataDir = newDataDir();
  const { code, stderr } = await runProgram(['secrets', 'rotate'], { dataDir });
  expect([code, existsSync(join(dataDir, 'encryption-keys'))]).toEqual([1, false]);
  expect(stderr).toContain('Start the server once');
});

describe.each(DATABASES)('where the keys are a setting, on %s', (kind) => {
  test('it prints what to set, in as many steps as processes need, and only when asked', async () => {
    const url = kind === 'postgres' ? { LATCHKEY_DATABASE_URL: await freshPostgres() } : {};
    const env = { ...url, LATCHKEY_ENCRYPTION_KEYS: newEncryptionKey('one', randomBytes) };
    const dataDir = newDataDir();
    const [piped, shown, json] = await Promise.all([
      runProgram(['secrets', 'rotate'], { dataDir, env }),
      runProgram(['secrets', 'rotate', '--show'], { dataDir, env }),
      runProgram(['secrets', 'rotate', '--show', '--json'], { dataDir, env }),
    ]);
    expect([piped.code, piped.stdout]).toEqual([2, '']);
    expect(piped.stderr).toContain('add --show');
    const day = expect.stringMatching(/^\d{4}-\d\d-\d\d$/);
    const settings = shown.stdout.split('\n').filter((line) => line.startsWith('LATCHKEY_ENCRYPTION_KEYS='));
    const orders = settings.map((line) => idsIn(line.slice(line.indexOf('=') + 1)));
    expect(orders).toEqual(
      kind === 'postgres'
        ? [
            ['one', day],
            [day, 'one'],
          ]
        : [[day, 'one']],
    );
    const { steps } = JSON.parse(json.stdout) as { steps: Record<string, string>[] };
    expect(steps.length).toBe(orders.length);
    const started = await startProgram({ dataDir, env: { ...env, ...steps.at(-1) } });
    await vi.waitFor(async () => expect((await status(dataDir, { ...env, ...steps.at(-1) })).done).toBe(true), {
      timeout: 10_000,
    });
    await started.end('SIGTERM');
    expect(existsSync(join(dataDir, 'encryption-keys'))).toBe(false);
  });
});

test('a server that is killed while it seals anew goes on at its next start', async () => {
  const dataDir = newDataDir();
  await (await startProgram({ dataDir })).end('SIGTERM');
  const old = readFileSync(join(dataDir, 'encryption-keys'), 'utf8').trim();
  const envelope = createEnvelope([{ id: 'dev', bytes: Buffer.from(old.slice(4), 'base64') }], randomBytes);
  const database = openSqlite(join(dataDir, 'latchkey.sqlite'));
  const rows = Array.from({ length: 1500 }, (_, index) => {
    const id = `other-${index}`;
    const sealed = envelope.seal('x', auditSealedColumns[0]!.context(id));
    return { id, public_key: '', private_key_sealed: sealed, created_at: 0 };
  });
  await database.write((tx) => tx.query.insertInto('audit_keys').values(rows).execute());
  await database.close();
  await runProgram(['secrets', 'rotate'], { dataDir });
  const count = async () => (await status(dataDir)).keys.map(({ values }) => values);
  const killed = await startProgram({ dataDir });
  await vi.waitFor(async () => expect((await count())[0]).toBeGreaterThan(0), { timeout: 20_000 });
  await killed.end('SIGKILL');
  const [done = 0, left = 0] = await count();
  expect([done > 0, left > 0]).toEqual([true, true]);
  await startProgram({ dataDir });
  await vi.waitFor(async () => expect((await status(dataDir)).done).toBe(true), { timeout: 20_000 });
});
