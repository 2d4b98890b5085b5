import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { manualClock, temporaryFolder } from '../../test/harness.ts';
import { openSqlite } from '../database/index.ts';
import { createChanges } from './changes.ts';
import { createLive } from './live.ts';
import { sharedStateMigrations } from './tables.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const settle = () => new Promise((resolve) => setImmediate(resolve));

test('what is live is not current from a change, or a loss of changes, until that was read', async () => {
  const folder = temporaryFolder();
  const database = openSqlite(join(folder, 'test.sqlite'));
  await database.migrate(sharedStateMigrations, { dryRun: false, nowMs: 1 });
  const clock = manualClock();
  const changes = createChanges({ database, clock, pollMs: 1e9, maxStaleMs: 5000, onError: () => {} });
  cleanups.push(async () => {
    await changes.stop();
    await database.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const reads: ((value: string) => void)[] = [];
  const read = () => new Promise<string>((resolve) => reads.push(resolve));
  const live = createLive({ changes, kind: 'table', initial: 'nothing', read, onError: () => {} });
  const change = (kind: string) => database.write((tx) => changes.record(tx, { kind, ref: 'x' }));

  // The start counts as a loss of all that came before.
  const started = changes.start();
  while (reads.length === 0) await settle();
  expect([changes.isFresh(), live.isCurrent()]).toEqual([true, false]);
  reads.shift()?.('first');
  await started;
  expect([live.current(), live.isCurrent()]).toEqual(['first', true]);

  await change('another table');
  expect(live.isCurrent()).toBe(true);
  await change('table');
  expect(live.isCurrent()).toBe(false);
  // A second one, heard while the first is read, is not known by that reading.
  await change('table');
  const [early, late] = reads.splice(0);
  early?.('second');
  await settle();
  expect([live.current(), live.isCurrent()]).toEqual(['second', false]);
  late?.('third');
  await settle();
  expect([live.current(), live.isCurrent()]).toEqual(['third', true]);
});
