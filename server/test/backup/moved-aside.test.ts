import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type BackupDeps, checkRestorable, restoreBackup, writeBackup } from '../../src/backup/index.ts';
import { MIGRATIONS } from '../../src/compose.ts';
import { pooledRandom } from '../../src/crypto/index.ts';
import { openSqlite } from '../../src/database/index.ts';
import { manualClock } from '../harness.ts';
import { newDataDir, stopPrograms } from '../running/program.ts';

afterEach(stopPrograms);

test('of two restores within a second, the second does not write over what the first moved aside', async () => {
  const path = join(newDataDir(), 'latchkey.sqlite');
  const place = { kind: 'sqlite', path } as const;
  const clock = manualClock(1_893_456_000_000);
  const database = openSqlite(path);
  await database.migrate(MIGRATIONS, { dryRun: false, nowMs: clock.nowMs() });
  await database.close();
  const deps: BackupDeps = {
    clock,
    randomBytes: pooledRandom(),
    version: '0.0.0',
    environment: {},
    keys: [],
    envelope: null,
    migrations: MIGRATIONS,
    sealedColumns: [],
    openDatabase: async (at) => openSqlite(at.kind === 'sqlite' ? at.path : ''),
  };
  const folder = join(newDataDir(), 'backup');
  await writeBackup(deps, place, folder);
  const options = { force: true, events: [], disableKeys: false };
  const restore = async () => restoreBackup(deps, place, await checkRestorable(deps, place, folder), options);
  const moved = [(await restore()).movedTo, (await restore()).movedTo, (await restore()).movedTo];
  expect(new Set(moved).size).toBe(3);
  for (const aside of moved) expect([aside, existsSync(aside ?? '')]).toEqual([aside, true]);
});
