import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { manualClock, temporaryFolder } from '../../test/harness.ts';
import { type Database, openSqlite } from '../database/index.ts';
import { insertKey } from './store.ts';
import { type ApiKeyRow, apiKeysMigrations } from './tables.ts';
import { createKeyUsage } from './usage.ts';

const keyNamed = (id: string) =>
  ({
    id,
    workspace_id: 'ws',
    environment: 'test',
    type: 'secret',
    name: id,
    secret_hash: id,
    hint: '…',
    scopes: '[]',
    owner: null,
    external_id: null,
    metadata: '{}',
    created_by: 'root',
    created_at: 0,
    expires_at: null,
    rotate_after: null,
    last_used_at: null,
    revoked_at: null,
    revoke_reason: null,
  }) as ApiKeyRow;

describe('the last use of keys', () => {
  const clock = manualClock();
  let folder: string;
  let database: Database;

  beforeEach(async () => {
    folder = temporaryFolder();
    database = openSqlite(join(folder, 'test.db'));
    await database.migrate(apiKeysMigrations, { dryRun: false, nowMs: 0 });
    await database.write(async (tx) => {
      for (const id of ['a', 'b', 'c']) await insertKey(tx, keyNamed(id));
    });
  });
  afterEach(async () => {
    await database.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const usedAt = async () => {
    const rows = await database.read.selectFrom('api_keys').select(['id', 'last_used_at']).orderBy('id').execute();
    return Object.fromEntries(rows.map(({ id, last_used_at }) => [id, last_used_at]));
  };
  const rename = (from: string, to: string) =>
    database.write(({ query }) => query.schema.alterTable(from).renameTo(to).execute());

  test('is written down only when it is flushed, the latest of each key', async () => {
    const usage = createKeyUsage(database, clock);
    usage.touch('a');
    usage.touch('b');
    const firstMs = clock.nowMs();
    clock.advance(10);
    usage.touch('b');
    expect(await usedAt()).toEqual({ a: null, b: null, c: null });
    await usage.flush();
    expect(await usedAt()).toEqual({ a: firstMs, b: firstMs + 10, c: null });
    await usage.flush();
    expect(await usedAt()).toEqual({ a: firstMs, b: firstMs + 10, c: null });
  });

  test('is kept when it cannot be written, and newer uses win', async () => {
    const usage = createKeyUsage(database, clock);
    usage.touch('a');
    usage.touch('b');
    const firstMs = clock.nowMs();
    await rename('api_keys', 'away');
    const failing = usage.flush();
    clock.advance(10);
    usage.touch('b');
    await expect(failing).rejects.toThrow();
    await rename('away', 'api_keys');
    await usage.flush();
    expect(await usedAt()).toEqual({ a: firstMs, b: firstMs + 10, c: null });
  });

  test('of a key that is gone is no trouble', async () => {
    const usage = createKeyUsage(database, clock);
    usage.touch('nobody');
    usage.touch('c');
    await usage.flush();
    expect(await usedAt()).toEqual({ a: null, b: null, c: clock.nowMs() });
  });
});
