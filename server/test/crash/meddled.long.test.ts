import { rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, expect, test } from 'vitest';
import { sqlitePath } from './facts.ts';
import type { Plan } from './round.ts';
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

/** Mischief that one check finds is done at once, after a load of what brings about what is meddled with. */
interface Meddling {
  only: readonly string[];
  mischief: readonly [what: string, sql: string, expected: RegExp][];
}

const TABLES: Meddling = {
  only: [
    'create user',
    'sign in',
    'log in',
    'log out',
    'end session',
    'add authenticator app',
    'disable or enable user',
  ],
  mischief: [
    [
      'a user was made twice',
      `create temp table twin as select * from users where email like 'crash-%' limit 1;
       update twin set id = id || 'x', email = 'crash-twin@example.com', email_key = 'crash-twin@example.com';
       insert into users select * from twin`,
      /crash-twin@example.com is there, and nobody asked for it/,
    ],
    [
      'a user is gone',
      `delete from users where id = (select min(id) from users where email like 'crash-%')`,
      /is there 0 times/,
    ],
    ['a disabled user is let in again', `update users set state = 'active'`, /should be usr_\w+, disabled/],
    ['a membership is lost', `delete from members where role <> 'owner'`, /of the home, and is null/],
    ['a workspace loses its owner', `update members set role = 'admin'`, /has members and no owner/],
    [
      'a session is lost',
      `delete from sessions where user_id in (select user_id from sessions order by id desc limit 2)`,
      /should have the sessions ses_\w+.*, and has $/m,
    ],
    [
      'a session that ended lives again',
      `create temp table ended as select * from sessions limit 1;
       update ended set id = 'ses_ended', secret_hash = 'ended',
         user_id = (select min(id) from users where email like 'owner-ws%');
       insert into sessions select * from ended`,
      /should have the sessions .*, and has .*ses_ended/,
    ],
    [
      'a login that ended is refreshed',
      'update refresh_families set revoked_at = null',
      /live on without their session/,
    ],
    ['a used code is good again', 'update backup_codes set used_at = null', /codes left, and has 10/],
    ['a step is good again', 'update totp_factors set last_step = 1', /can use the step \d+ again/],
    [
      'a second factor is forgotten',
      'delete from totp_factors where user_id = (select min(user_id) from totp_factors)',
      /lost an authenticator app/,
    ],
  ],
};

const TEXTS: Meddling = {
  only: ['create user', 'log in', 'refresh', 'log out', 'sign up', 'accept invitation'],
  mischief: [
    ['the end of access tokens is forgotten', 'delete from token_watermarks', /has ended, and the door answered 200/],
    [
      'a retry finds no successor',
      'update refresh_families set nonce = null',
      /may be refreshed, and the answer was 401/,
    ],
    ['an invitation is good again', 'update invitations set accepted_at = null', /was good once more/],
    [
      'a password is not what was set',
      `update users set password_hash = (select password_hash from users where email like 'owner-%' limit 1)
       where email like 'crash-%'`,
      /should come to 404 not_found, and comes to 401/,
    ],
  ],
};

const OAUTH: Meddling = {
  only: ['create application', 'register application', 'allow', 'redeem code', 'refresh by application'],
  mischief: [
    [
      'what a person allowed is gone',
      'delete from grants where id = (select min(id) from grants where revoked_at is null)',
      /should be allowed \w+ read.*, and is allowed nothing/,
    ],
    ['its refresh tokens live on', 'select 1', /live on without their grant/],
    ['a code is good again', 'update authorization_codes set used_at = null', /a code that can be redeemed again/],
    ['a registration is lost', 'delete from client_registrations', /lost a registration/],
  ],
};

const SIGNING_KEYS: Meddling = {
  only: ['rotate signing key'],
  mischief: [
    [
      'a revoked key signs again',
      `update signing_keys set state = 'previous' where state = 'revoked'`,
      /is previous, and its revocation is true/,
    ],
    ['no key signs', `update signing_keys set state = 'previous' where state = 'active'`, /0 signing keys are active/],
  ],
};

const kept: string[] = [];
afterAll(() => {
  for (const folder of kept) rmSync(folder, { recursive: true, force: true });
});

/** What is said after a load of so many calls, a kill, and the mischief. */
async function violationsAfter(sql: readonly string[], calls: number, only?: readonly string[]): Promise<string> {
  const plan: Partial<Plan> = { strike: 'server', afterCalls: calls, atMostMs: 30_000, killsAtStartMs: [] };
  const summary = await runRounds({
    database: 'sqlite',
    seed: 1,
    rounds: 1,
    say: () => {},
    plan: only === undefined ? plan : { ...plan, only },
    meddle: async ({ place }) => {
      const database = new DatabaseSync(sqlitePath(place.dataDir));
      database.exec('pragma foreign_keys = off');
      for (const each of sql) database.exec(each);
      database.close();
    },
  });
  if (summary.keptIn !== null) kept.push(summary.keptIn);
  return summary.violations.join('\n');
}

test.concurrent.each(MISCHIEF)('found: %s', { timeout: 180_000 }, async (_what, sql, expected) => {
  expect(await violationsAfter([sql], 500)).toMatch(expected);
});

test.concurrent.each([
  ['tables of people', TABLES, 550],
  ['what people present', TEXTS, 550],
  ['what applications were given', OAUTH, 300],
  ['signing keys', SIGNING_KEYS, 40],
] as const)('found in %s', { timeout: 180_000 }, async (_where, { only, mischief }, calls) => {
  const sql = mischief.map(([, each]) => each);
  const said = await violationsAfter(sql, calls, only);
  for (const [what, , expected] of mischief) expect(said, what).toMatch(expected);
});
