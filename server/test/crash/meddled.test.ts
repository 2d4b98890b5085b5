import { rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, expect, test } from 'vitest';
import { sqlitePath } from './facts.ts';
import { runRounds } from './rounds.ts';

/** What a broken server could leave behind, done by hand while it is down, and what must be said of it. */
const MISCHIEF: [string, string, RegExp][] = [
  [
    'a revoked key is alive again',
    'update api_keys set revoked_at = null where revoked_at is not null and successor_id is null and deleted_at is null',
    /should read .*"revoked".*, and reads .*"active"/,
  ],
  [
    'an acknowledged key is gone',
    `delete from api_keys where name like 'crash-%' and successor_id is null`,
    /was acknowledged, and is gone/,
  ],
  [
    'a patch is lost',
    `update api_keys set metadata = replace(metadata, '"version":"1"', '"version":"0"')`,
    /should read/,
  ],
  [
    'something was done twice',
    `create temp table twin as select * from api_keys where name like 'crash-%' and deleted_at is null limit 1;
     update twin set id = id || 'x', secret_hash = 'twin', external_id = null, lookup_prefix = null;
     insert into api_keys select * from twin`,
    /nobody asked for it/,
  ],
  ['a quota is forgotten', 'update quota_usage set reserved = 0', /some can be served again/],
  ['units are lost', 'update quota_usage set reserved = reserved + 10000', /more was lost/],
  [
    'a suspension is lost',
    `update workspaces set state = case state when 'active' then 'suspended' else 'active' end where name like 'Side%'`,
    /workspace .* should be/,
  ],
  ['an event is lost', `delete from audit_events where action = 'api_key.created'`, /left no audit event/],
  ['an event was changed', `update audit_events set target_id = 'key_x' where batch = 1`, /audit verify ended with 1/],
  [
    'logged heads are gone',
    'delete from audit_batches; update audit_events set batch = null',
    /was logged with the head/,
  ],
  ['idempotency keys are forgotten', 'delete from idempotency_keys', /no replay|was answered 409|done as/],
];

const kept: string[] = [];
afterAll(() => {
  for (const folder of kept) rmSync(folder, { recursive: true, force: true });
});

test.concurrent.each(MISCHIEF)('found: %s', { timeout: 60_000 }, async (_what, sql, expected) => {
  const summary = await runRounds({
    database: 'sqlite',
    seed: 1,
    rounds: 1,
    say: () => {},
    plan: { strike: 'server', afterCalls: 100_000, atMostMs: 1200, killsAtStartMs: [] },
    meddle: async ({ place }) => {
      const database = new DatabaseSync(sqlitePath(place.dataDir));
      database.exec(sql);
      database.close();
    },
  });
  if (summary.keptIn !== null) kept.push(summary.keptIn);
  expect(summary.violations.join('\n')).toMatch(expected);
});
