import { chmodSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { toTimestamp } from '../../src/clock.ts';
import { openPostgres, openSqlite } from '../../src/database/index.ts';
import { DATABASES } from '../harness.ts';
import { newDataDir, type Program, stopPrograms } from '../running/program.ts';
import {
  codeOf,
  emptyPlaceFor,
  type Installation,
  latchkey,
  makeKey,
  newFolder,
  newInstallation,
  start,
} from './installations.ts';

// Each starts several programs, one after another.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

afterEach(stopPrograms);

/** The audit log as `latchkey audit export` writes it. */
async function exportAudit({ dataDir, env }: Installation): Promise<string> {
  const url = env.LATCHKEY_DATABASE_URL;
  const database = url ? openPostgres(url, () => {}) : openSqlite(join(dataDir, 'latchkey.sqlite'));
  const rows = await database.read.selectFrom('audit_events').selectAll().orderBy('seq').execute();
  await database.close();
  const lines = rows.map(({ data, created_at, seq: _, ...row }) =>
    JSON.stringify({ ...row, created_at: toTimestamp(created_at), data: JSON.parse(data) }),
  );
  const path = join(newDataDir(), 'audit.jsonl');
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

type Keys = Record<string, { id: string; key: string }>;

/** An installation whose backup has keys that ended afterwards, each in its own way. */
async function afterBackup(kind: (typeof DATABASES)[number]) {
  const installation = await newInstallation(kind);
  const program = await start(installation);
  const root = program.ready.root_key ?? '';
  const workspace_id = program.ready.workspace_id ?? '';
  const ask = async (path: string, json: object, method = 'POST') => {
    const headers = { authorization: `Bearer ${root}`, 'content-type': 'application/json' };
    const ofKeys = path.startsWith('/v1/api-keys') ? { workspace_id, ...json } : json;
    const reply = await fetch(program.ready.url + path, { method, headers, body: JSON.stringify(ofKeys) });
    expect(reply.status, `${method} ${path}`).toBeLessThan(300);
    return reply.json();
  };
  const other = (await ask('/v1/workspaces', { name: 'other' })) as { id: string };
  const keys: Keys = {};
  const names = ['kept', 'revoked', 'deleted', 'rotated', 'overlapping', 'disabled', 'disabledAndBack', 'shortened'];
  for (const name of names) keys[name] = await makeKey(program, root, { workspace_id, name });
  keys.suspended = await makeKey(program, root, { workspace_id: other.id });
  keys.older = await makeKey(program, root, { workspace_id });
  keys.newer = (await ask(`/v1/api-keys/${keys.older.id}/rotate`, { overlap: '24h' })) as Keys[string];
  keys.early = await makeKey(program, root, { workspace_id });
  await ask(`/v1/api-keys/${keys.early.id}/revoke`, { reason: 'before the backup' });
  const fields = { name: 'app', type: 'service', scopes: ['read'], workspace_id };
  const newApp = async () => (await ask('/v1/applications', fields)) as { client_id: string };
  const [kept, gone, off, turned] = [await newApp(), await newApp(), await newApp(), await newApp()];
  const trusted = { issuer: 'https://idp.example', audience: `${program.ready.issuer}/v1`, scopes: ['read'] };
  const secret = 'a secret of thirty-two bytes, or a few more';
  const issuer = (await ask('/v1/trusted-issuers', { ...trusted, secret, workspace_id })) as { id: string };
  const objects = [
    ...[kept, gone, off, turned].map(({ client_id }) => `/v1/applications/${client_id}`),
    `/v1/trusted-issuers/${issuer.id}`,
  ];
  const folder = newFolder();
  expect((await latchkey(installation, 'backup', folder)).code).toBe(0);
  const remove = async (at: string) => {
    const headers = { authorization: `Bearer ${root}` };
    const reply = await fetch(`${program.ready.url}${at}?workspace_id=${workspace_id}`, { method: 'DELETE', headers });
    expect(reply.status, at).toBe(204);
  };
  await remove(`/v1/applications/${gone.client_id}`);
  await ask(`/v1/applications/${off.client_id}`, { state: 'disabled', workspace_id }, 'PATCH');
  await ask(`/v1/applications/${turned.client_id}/secrets`, { overlap: '0s', workspace_id });
  await remove(`/v1/trusted-issuers/${issuer.id}`);
  const path = (name: string) => `/v1/api-keys/${keys[name]?.id}`;
  await ask(`${path('revoked')}/revoke`, { reason: 'leaked' });
  const query = `?workspace_id=${workspace_id}`;
  await remove(path('deleted'));
  await ask(`${path('rotated')}/rotate`, { overlap: '0s' });
  await ask(`${path('overlapping')}/rotate`, { overlap: '24h' });
  await ask(`${path('newer')}/rotate`, { overlap: '24h' });
  await ask(path('disabled'), { state: 'disabled' }, 'PATCH');
  await ask(path('disabledAndBack'), { state: 'disabled' }, 'PATCH');
  await ask(path('disabledAndBack'), { state: 'active' }, 'PATCH');
  const soon = new Date(Date.now() + 3_600_000).toISOString();
  await ask(path('shortened'), { expires_at: soon }, 'PATCH');
  await ask(`/v1/workspaces/${other.id}`, { state: 'suspended' }, 'PATCH');
  keys.late = await makeKey(program, root, { workspace_id });
  await ask(`/v1/api-keys/${keys.late.id}/revoke`, {});
  await program.end('SIGTERM');
  return { installation, folder, keys, query, objects, audit: await exportAudit(installation) };
}

async function codes(program: Program, keys: Keys): Promise<Record<string, string>> {
  const root = program.ready.root_key ?? '';
  const found: Record<string, string> = {};
  for (const [name, { key }] of Object.entries(keys)) found[name] = await codeOf(program, root, key);
  return found;
}

describe.each(DATABASES)('what ended after a backup, on %s', (kind) => {
  test('works again after a plain restore, ends again with the audit log, or is disabled with all', async () => {
    const { installation, folder, keys, query, objects, audit } = await afterBackup(kind);
    const restore = async (...args: string[]) => {
      const place = await emptyPlaceFor(kind, installation);
      const run = await latchkey(place, 'restore', folder, '--yes', '--json', ...args);
      expect([run.code, run.stderr]).toEqual([0, '']);
      const program = await start(place);
      const answered = await codes(program, keys);
      const shortened = await program.call(`/v1/api-keys/${keys.shortened?.id}${query}`, {
        key: program.ready.root_key ?? '',
      });
      const found: unknown[] = [];
      for (const at of objects) {
        const { status, json } = await program.call(at + query, { key: program.ready.root_key ?? '' });
        const live = json.secrets?.filter(({ expires_at: at }: { expires_at: string | null }) => at === null).length;
        found.push(status === 200 ? [json.state, live] : status);
      }
      await program.end('SIGTERM');
      const whole = await latchkey(place, 'audit', 'verify');
      expect(whole.code).toBe(0);
      return { answered, found, report: JSON.parse(run.stdout), expiresAt: shortened.json.expires_at };
    };
    const plain = await restore();
    const { early, late, ...revived } = plain.answered;
    expect([early, late]).toEqual(['revoked', 'not_found']);
    expect(new Set(Object.values(revived))).toEqual(new Set(['valid']));
    expect(plain.report).toMatchObject({ endedKeys: 0, disabledKeys: 0 });

    const [asItWas, issuerAsItWas] = [
      ['active', 1],
      [undefined, undefined],
    ];
    expect(plain.found).toEqual([asItWas, asItWas, asItWas, asItWas, issuerAsItWas]);

    const replayed = await restore('--revocations', audit);
    expect(replayed.answered).toEqual({
      kept: 'valid',
      revoked: 'revoked',
      deleted: 'revoked',
      rotated: 'revoked',
      overlapping: 'valid',
      older: 'revoked',
      newer: 'valid',
      disabled: 'disabled',
      disabledAndBack: 'valid',
      shortened: 'valid',
      suspended: 'disabled',
      early: 'revoked',
      late: 'not_found',
    });
    expect(replayed.expiresAt).not.toBe(null);
    expect(replayed.found).toEqual([asItWas, 404, ['disabled', 1], ['active', 0], 404]);
    expect(replayed.report).toMatchObject({ endedApplications: 3, deletedIssuers: 1, endedGrants: 0 });
    // The key made since, and the two that rotation made, are not in the backup.
    expect(replayed.report).toMatchObject({ endedKeys: 8, suspendedWorkspaces: 1, unknownKeys: 1, disabledKeys: 0 });

    const disabled = await restore('--disable-keys');
    expect(new Set(Object.values(disabled.answered))).toEqual(new Set(['disabled', 'revoked', 'not_found']));
    expect(disabled.report.disabledKeys).toBe(12);
    expect(disabled.found).toEqual([...Array(4).fill(['disabled', 1]), issuerAsItWas]);
    expect(disabled.report.disabledApplications).toBeGreaterThanOrEqual(4);
  });
});

test('a file that is no audit export is refused before anything is done', async () => {
  const installation = await newInstallation('sqlite');
  const program = await start(installation);
  const folder = newFolder();
  await latchkey(installation, 'backup', folder);
  await program.end('SIGTERM');
  const place = await emptyPlaceFor('sqlite', installation);
  const path = join(newDataDir(), 'audit');
  writeFileSync(path, '{"id":"evt_1","action":"x","created_at":"2030-01-01T00:00:00Z"}\nid,action\n');
  const bad = await latchkey(place, 'restore', folder, '--yes', '--revocations', path);
  expect([bad.code, bad.stderr]).toEqual([1, expect.stringContaining('line 2 is no audit event')]);
  const gone = await latchkey(place, 'restore', folder, '--yes', '--revocations', `${path}.gone`);
  expect([gone.code, gone.stderr]).toEqual([2, expect.stringContaining('cannot be read (ENOENT)')]);
  // Whoever could read the backup, the database is its owner's alone.
  chmodSync(join(folder, 'database.sqlite'), 0o644);
  expect((await latchkey(place, 'restore', folder, '--yes')).code).toBe(0);
  expect(statSync(join(place.dataDir, 'latchkey.sqlite')).mode & 0o777).toBe(0o600);
});
