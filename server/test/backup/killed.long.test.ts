import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { pooledRandom } from '../../src/crypto/index.ts';
import { openPostgres, openSqlite } from '../../src/database/index.ts';
import { DATABASES } from '../harness.ts';
import { repository, stopPrograms } from '../running/program.ts';
import {
  codeOf,
  emptyPlaceFor,
  type Installation,
  latchkey,
  newFolder,
  newInstallation,
  start,
} from './installations.ts';

// Each starts several programs, one after another.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

afterAll(stopPrograms);

const randomBytes = pooledRandom();
const bin = join(repository, 'server/bin/latchkey.js');

/** Runs a command and kills it after so long; true when it was killed before its end. */
async function killed({ dataDir, env }: Installation, args: string[], afterMs: number): Promise<boolean> {
  const child = spawn(process.execPath, [bin, ...args], {
    env: { PATH: process.env.PATH ?? '', LATCHKEY_DATA_DIR: dataDir, ...env },
    stdio: 'ignore',
  });
  const closed = once(child, 'close');
  await Promise.race([closed, pause(afterMs)]);
  child.kill('SIGKILL');
  const [, signal] = await closed;
  return signal === 'SIGKILL';
}

/** Some megabytes, so that there is a middle to be killed in. */
async function fatten({ dataDir, env }: Installation): Promise<void> {
  const url = env.LATCHKEY_DATABASE_URL;
  const database = url ? openPostgres(url, () => {}) : openSqlite(join(dataDir, 'latchkey.sqlite'));
  const body = Buffer.from(randomBytes(6000)).toString('base64');
  for (let batch = 0; batch < 20; batch += 1) {
    const rows = Array.from({ length: 200 }, (_, row) => ({
      id: `prj_${batch}_${row}`,
      kind: 'project',
      workspace_id: 'ws',
      environment: 'test' as const,
      owner: 'x',
      body,
      created_at: 1,
    }));
    await database.write((tx) =>
      tx.query
        .insertInto('sandbox_rows')
        .values(rows as never)
        .execute(),
    );
  }
  await database.close();
}

describe.each(DATABASES)('kill -9 in the middle, on %s', (kind) => {
  let installation: Installation;
  let key: string;

  beforeAll(async () => {
    installation = await newInstallation(kind);
    const program = await start(installation);
    key = program.ready.test_key ?? '';
    await program.end('SIGTERM');
    await fatten(installation);
  });

  test('of a backup leaves no backup that is half, and it can be made again', async () => {
    let kills = 0;
    for (const afterMs of [150, 300, 500, 800]) {
      const folder = newFolder();
      if (await killed(installation, ['backup', folder], afterMs)) {
        kills += 1;
        if (existsSync(folder)) expect((await latchkey(installation, 'restore', folder, '--dry-run')).code).toBe(0);
      }
      const again = existsSync(folder) ? null : await latchkey(installation, 'backup', folder);
      expect(again?.code ?? 0).toBe(0);
    }
    expect(kills).toBeGreaterThan(0);
  });

  test('of a restore leaves a place into which it can be restored, and nothing half is served', async () => {
    const folder = newFolder();
    expect((await latchkey(installation, 'backup', folder)).code).toBe(0);
    let kills = 0;
    for (const afterMs of [250, 400, 600, 900]) {
      const place = await emptyPlaceFor(kind, installation);
      if (await killed(place, ['restore', folder, '--yes'], afterMs)) kills += 1;
      let again = await latchkey(place, 'restore', folder, '--yes');
      // pg_restore may live a moment longer.
      for (let attempt = 0; attempt < 50 && again.stderr.includes('wait for the other restore'); attempt += 1) {
        await pause(100);
        again = await latchkey(place, 'restore', folder, '--yes');
      }
      // Killed after its last step: then it is all there.
      if (again.code !== 0) expect(again.stderr).toMatch(/is there already|holds tables already/);
      const program = await start(place);
      expect(await codeOf(program, program.ready.root_key ?? '', key)).toBe('valid');
      await program.end('SIGKILL');
      const left = readdirSync(place.dataDir).filter((name) => name.includes('.restoring'));
      expect(left).toEqual([]);
    }
    expect(kills).toBeGreaterThan(0);
  });

  test('of a restore over another database loses neither', async () => {
    const folder = newFolder();
    expect((await latchkey(installation, 'backup', folder)).code).toBe(0);
    const place = await emptyPlaceFor(kind, installation);
    const other = await start(place);
    const otherKey = other.ready.test_key ?? '';
    await other.end('SIGTERM');
    for (const afterMs of [400, 700]) {
      await killed(place, ['restore', folder, '--yes', '--force'], afterMs);
      const program = await start(place).catch((error: Error) => error);
      if (program instanceof Error) {
        // On PostgreSQL, between two steps: nothing is served until it is run again.
        expect(program.message).toContain('a restore into it was interrupted: run `latchkey restore` again');
        break;
      }
      const root = other.ready.root_key ?? '';
      const found = [await codeOf(program, root, otherKey), await codeOf(program, root, key)];
      expect(found.sort()).toEqual(['not_found', 'valid']);
      await program.end('SIGTERM');
    }
    let done = await latchkey(place, 'restore', folder, '--yes', '--force', '--json');
    for (let attempt = 0; attempt < 50 && done.stderr.includes('wait for the other restore'); attempt += 1) {
      await pause(100);
      done = await latchkey(place, 'restore', folder, '--yes', '--force', '--json');
    }
    expect([done.code, done.stderr]).toEqual([0, '']);
    expect(JSON.parse(done.stdout).movedTo).toMatch(/before.restore/);
  });
});
