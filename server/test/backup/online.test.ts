import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { DATABASES } from '../harness.ts';
import { stopPrograms } from '../running/program.ts';
import { codeOf, emptyPlaceFor, latchkey, makeKey, newFolder, newInstallation, start } from './installations.ts';

// Each starts several programs, one after another.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

afterEach(stopPrograms);

describe.each(DATABASES)('a backup on %s, of a server that serves and writes', (kind) => {
  test('holds every key that was acknowledged before, and restores into an empty place', async () => {
    const installation = await newInstallation(kind);
    const program = await start(installation);
    const testKey = program.ready.test_key ?? '';
    const made: string[] = [];
    let isDone = false;
    const writer = async () => {
      while (!isDone) made.push((await makeKey(program, program.ready.root_key ?? '')).key);
    };
    const writers = Promise.all([writer(), writer(), writer(), writer()]);
    const isSealed = () => program.stderr().includes('audit batch sealed');
    while (made.length < 40 || !isSealed()) await new Promise((resolve) => setImmediate(resolve));
    const before = [...made];
    const folder = newFolder();
    const backedUp = await latchkey(installation, 'backup', folder, '--json');
    const during = made.length - before.length;
    isDone = true;
    await writers;
    expect([backedUp.code, backedUp.stderr]).toEqual([0, '']);
    expect(during).toBeGreaterThan(0);
    const manifest = JSON.parse(backedUp.stdout);
    expect(manifest).toMatchObject({ folder, database: kind, encryption_keys: ['dev'], version: '0.1.0' });
    expect(manifest.rows.api_keys).toBeGreaterThan(before.length);
    await program.end('SIGKILL');

    const place = await emptyPlaceFor(kind, installation);
    const restored = await latchkey(place, 'restore', folder, '--yes');
    expect([restored.code, restored.stderr]).toEqual([0, '']);
    const again = await start(place);
    const root = again.ready.root_key ?? '';
    for (const key of [testKey, ...before]) expect(await codeOf(again, root, key)).toBe('valid');
    // It goes on from there: numbers and seals continue.
    const more = await makeKey(again, testKey);
    expect(await codeOf(again, root, more.key)).toBe('valid');
    await again.end('SIGTERM');
    const audit = await latchkey(place, 'audit', 'verify');
    expect([audit.code, audit.stdout]).toEqual([0, expect.stringContaining('The audit log is whole')]);
  });

  test('is for its owner alone, names what it needs, and holds no key', async () => {
    const installation = await newInstallation(kind);
    const program = await start(installation);
    const folder = newFolder();
    expect((await latchkey(installation, 'backup', folder)).code).toBe(0);
    const names = readdirSync(folder).sort();
    expect(names).toEqual([kind === 'sqlite' ? 'database.sqlite' : 'database.dump', 'manifest.json']);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    for (const name of names) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    const secrets = [
      program.ready.test_key ?? '',
      program.ready.root_key ?? '',
      program.ready.owner?.password ?? '',
      readFileSync(join(installation.dataDir, 'encryption-keys'), 'utf8').trim().slice(4),
    ];
    for (const name of names) {
      const bytes = readFileSync(join(folder, name));
      for (const secret of secrets) expect(bytes.includes(secret)).toBe(false);
    }
    const twice = await latchkey(installation, 'backup', folder);
    expect([twice.code, twice.stderr]).toEqual([1, expect.stringContaining('is there already')]);
    const siblings = readdirSync(dirname(folder)).filter((name) => name.includes(basename(folder)));
    expect(siblings).toEqual([basename(folder)]);
  });

  test('units of a quota that were served before the backup are not served again', async () => {
    const installation = await newInstallation(kind);
    const program = await start(installation);
    const root = program.ready.root_key ?? '';
    const { key } = await makeKey(program, root, { quota: { limit: 100, period: 'total' } });
    for (let unit = 0; unit < 30; unit += 1) expect(await codeOf(program, root, key, 1)).toBe('valid');
    const folder = newFolder();
    expect((await latchkey(installation, 'backup', folder)).code).toBe(0);
    await program.end('SIGKILL');
    const place = await emptyPlaceFor(kind, installation);
    expect((await latchkey(place, 'restore', folder, '--yes')).code).toBe(0);
    const again = await start(place);
    let served = 0;
    while ((await codeOf(again, again.ready.root_key ?? '', key, 1)) === 'valid') served += 1;
    expect(served).toBeLessThanOrEqual(70);
  });

  test('of nothing is refused, and leaves nothing', async () => {
    const installation = await newInstallation(kind);
    const folder = newFolder();
    const { code, stderr } = await latchkey(installation, 'backup', folder);
    expect(code).toBe(1);
    expect(stderr).toMatch(/there is nothing to back up/);
    expect(readdirSync(dirname(folder)).filter((name) => name.includes(basename(folder)))).toEqual([]);
  });
});

test('without pg_dump on PATH the error names the cure', async () => {
  const installation = await newInstallation('postgres');
  const program = await start(installation);
  const bare = { ...installation, env: { ...installation.env, PATH: installation.dataDir } };
  const { code, stderr } = await latchkey(bare, 'backup', newFolder());
  expect(code).toBe(1);
  expect(stderr).toContain('pg_dump is not on PATH: install PostgreSQL');
  await program.end('SIGTERM');
});

test('a place that cannot be written is said, and nothing is left', async () => {
  const installation = await newInstallation('sqlite');
  await (await start(installation)).end('SIGTERM');
  const { code, stderr } = await latchkey(installation, 'backup', join(newFolder(), 'inner'));
  expect([code, stderr]).toEqual([1, expect.stringMatching(/cannot be written \(ENOENT\)/)]);
});
