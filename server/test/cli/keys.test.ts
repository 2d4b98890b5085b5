import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { newDataDir, type Program, runProgram, startProgram, stopPrograms } from '../running/program.ts';

// Each command is a process of its own, and the machine may be busy.
vi.setConfig({ testTimeout: 120_000 });

let program: Program;
beforeAll(async () => {
  program = await startProgram();
});
afterAll(stopPrograms);

/** `latchkey` beside the running server, with the root key that it made; stdout is a pipe. */
const run = (args: string[], input?: string, env: Record<string, string> = {}) =>
  runProgram(args, { dataDir: program.dataDir, env, ...(input === undefined ? {} : { input }) });

const NOBODY = 'key_000000000000000000000000';

async function makeKey(...more: string[]): Promise<{ id: string; key: string }> {
  const made = await run(['keys', 'create', '--name', 'made', '--scope', 'read', '--json', '--show-secret', ...more]);
  expect([made.code, made.stderr]).toEqual([0, '']);
  return JSON.parse(made.stdout);
}

async function namesOf(): Promise<string[]> {
  const { stdout } = await run(['keys', 'list', '--json', '--all']);
  return JSON.parse(stdout).data.map(({ name }: { name: string }) => name);
}

describe('a new secret on a pipe', () => {
  test('is refused before there is one, when nobody would see it', async () => {
    for (const more of [[], ['--json']]) {
      const { code, stdout, stderr } = await run(['keys', 'create', '--name', 'lost', '--scope', 'read', ...more]);
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toContain('--secret-file PATH');
    }
    expect(await namesOf()).not.toContain('lost');
    const { id } = await makeKey();
    const rotated = await run(['keys', 'rotate', id]);
    expect([rotated.code, rotated.stdout]).toEqual([2, '']);
    expect(JSON.parse((await run(['keys', 'get', id, '--json'])).stdout)).not.toHaveProperty('successor_id');
  });

  test('goes to a file that only its owner may read, and nowhere else', async () => {
    const path = join(newDataDir(), 'key.txt');
    const args = ['keys', 'create', '--name', 'filed', '--scope', 'read', '--secret-file', path];
    const made = await run([...args, '--json']);
    const secret = readFileSync(path, 'utf8').trim();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect((await program.call('/v1/projects', { key: secret })).status).toBe(200);
    expect(JSON.parse(made.stdout)).not.toHaveProperty('key');
    expect(made.stdout + made.stderr).not.toContain(secret);
    expect(made.stderr).toMatch(/The secret is in .*key\.txt\.\nThe field "key" was left out/);
    const again = await run(args);
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('exists already')]);
    expect(readFileSync(path, 'utf8').trim()).toBe(secret);
    expect((await namesOf()).filter((name) => name === 'filed')).toHaveLength(1);
  });

  test('leaves no file behind when the server refuses', async () => {
    const path = join(newDataDir(), 'key.txt');
    const made = await run(['keys', 'create', '--name', 'x', '--scope', 'no-such', '--secret-file', path]);
    expect([made.code, existsSync(path)]).toEqual([2, false]);
    expect(made.stderr).toMatch(/validation_failed \(422\)[\s\S]*scopes \(--scope\): unknown[\s\S]*request id: req_/);
  });
});

test('the life of a key', async () => {
  const quota = ['--quota', '5/day', '--expires-in', '1d', '--metadata', 'team=a=b', '--allow-ip', '127.0.0.0/8'];
  const { id, key } = await makeKey('--environment', 'test', '--per-hour', '7', '--external-id', 'life', ...quota);
  const get = async () => JSON.parse((await run(['keys', 'get', id, '--json'])).stdout);
  expect(await get()).toMatchObject({
    limits: { per_hour: 7, per_second: null },
    quota: { limit: 5, period: 'day' },
    metadata: { team: 'a=b' },
    ip_allowlist: ['127.0.0.0/8'],
  });
  expect((await run(['keys', 'list', '--external-id', 'life'])).stdout).toMatch(
    new RegExp(`^ID +NAME .*\n${id}  made +test +active .* read\n$`),
  );
  const changed = await run(['keys', 'update', id, '--name', 'Émile', '--clear', 'expiry', '--clear', 'allow-ip']);
  expect([changed.code, changed.stdout]).toEqual([0, expect.stringMatching(/^name +Émile$/m)]);
  expect(await get()).toMatchObject({ name: 'Émile', expires_at: null, ip_allowlist: null, scopes: ['read'] });
  await run(['keys', 'update', id, '--state', 'disabled']);
  const disabled = await run(['keys', 'verify'], `${key}\n`);
  expect([disabled.code, disabled.stdout]).toEqual([1, expect.stringMatching(/^valid +no\ncode +disabled$/m)]);
  await run(['keys', 'update', id, '--state', 'active']);
  const fine = await run(['keys', 'verify', '--needs', 'projects:read', '--json'], key);
  expect([fine.code, JSON.parse(fine.stdout).code]).toEqual([0, 'valid']);
  const rotated = await run(['keys', 'rotate', id, '--overlap', '0s', '--show-secret']);
  expect(rotated.stdout).toMatch(/^replaces +key_\w+, which works until .*$/m);
  const [, next = ''] = /\n {2}(sk_test_\w+)\n$/.exec(rotated.stdout) ?? [];
  expect((await program.call('/v1/projects', { key })).status).toBe(401);
  expect((await program.call('/v1/projects', { key: next })).status).toBe(200);
  const successor = (await get()).successor_id;
  const revoked = await run(['keys', 'revoke', successor, '--reason', 'over', '--yes', '--json']);
  expect(JSON.parse(revoked.stdout)).toMatchObject({ id: successor, state: 'revoked' });
  expect((await program.call('/v1/projects', { key: next })).status).toBe(401);
  const deleted = await run(['keys', 'delete', successor, '--yes']);
  expect([deleted.code, deleted.stdout]).toEqual([0, '']);
  expect((await run(['keys', 'get', successor])).code).toBe(4);
});

test('what cannot be undone is not done where nobody can be asked', async () => {
  const { id, key } = await makeKey();
  for (const verb of ['revoke', 'delete']) {
    const { code, stderr } = await run(['keys', verb, id]);
    expect([code, stderr]).toEqual([2, expect.stringContaining('add --yes')]);
  }
  const workspace = program.ready.workspace_id as string;
  expect((await run(['workspaces', 'suspend', workspace])).code).toBe(2);
  expect((await program.call('/v1/projects', { key })).status).toBe(200);
});

test('lists follow cursors as far as was asked, as JSON that is one list', async () => {
  for (let at = 0; at < 5; at += 1)
    await program.call('/v1/api-keys', { json: { name: `p${at}`, scopes: [], owner: 'pages' } });
  const list = async (...more: string[]) => {
    const { stdout, stderr } = await run(['keys', 'list', '--owner', 'pages', '--json', ...more]);
    const { data, next_cursor } = JSON.parse(stdout);
    return { names: data.map(({ name }: { name: string }) => name), next: next_cursor, stderr };
  };
  expect(await list()).toEqual({ names: ['p4', 'p3', 'p2', 'p1', 'p0'], next: null, stderr: '' });
  const first = await list('--limit', '2');
  expect(first).toMatchObject({ names: ['p4', 'p3'], next: expect.any(String) });
  expect(await list('--limit', '2', '--cursor', first.next)).toMatchObject({ names: ['p2', 'p1'] });
  const table = await run(['keys', 'list', '--owner', 'pages', '--limit', '1']);
  expect(table.stderr).toBe('There are more: --all, or a higher --limit.\n');
  // More than the API gives at once.
  for (let at = 0; at < 120; at += 1)
    await program.call('/v1/api-keys', { json: { name: `m${at}`, scopes: [], owner: 'many' } });
  const many = JSON.parse((await run(['keys', 'list', '--owner', 'many', '--all', '--json'])).stdout);
  expect(new Set(many.data.map(({ id }: { id: string }) => id)).size).toBe(120);
  const some = JSON.parse((await run(['keys', 'list', '--owner', 'many', '--limit', '110', '--json'])).stdout);
  expect([some.data.length, typeof some.next_cursor]).toEqual([110, 'string']);
});

test('workspaces, scopes, plans, and who is asking', async () => {
  const made = await run(['workspaces', 'create', '--name', 'Acme', '--external-id', 'c7', '--pooled', '--json']);
  const { id } = JSON.parse(made.stdout);
  expect(JSON.parse(made.stdout)).toMatchObject({ name: 'Acme', external_id: 'c7', pooled: true });
  expect((await run(['workspaces', 'list', '--external-id', 'c7'])).stdout).toContain(`${id}  Acme  active`);
  const { key } = await makeKey('--workspace', id);
  expect(JSON.parse((await run(['workspaces', 'suspend', id, '--yes', '--json'])).stdout).state).toBe('suspended');
  expect((await program.call('/v1/projects', { key })).status).toBe(401);
  expect((await run(['workspaces', 'resume', id])).stdout).toMatch(/^state +active$/m);
  expect((await program.call('/v1/projects', { key })).status).toBe(200);
  const updated = await run([
    'workspaces',
    'update',
    id,
    '--plan',
    'starter',
    '--pool',
    'off',
    '--clear',
    'external-id',
    '--json',
  ]);
  expect(JSON.parse(updated.stdout)).toMatchObject({ plan: 'starter', pooled: false, external_id: null });
  expect(JSON.parse((await run(['workspaces', 'get', id, '--json'])).stdout)).toEqual(JSON.parse(updated.stdout));
  expect((await run(['scopes', 'list'])).stdout).toMatch(/^projects:read +product +\S/m);
  expect((await run(['plans', 'list'])).stdout).toMatch(/^standard +yes +10000\/hour, 100\/second/m);
  expect((await run(['whoami'])).stdout).toMatch(/^server +http:\/\/localhost:\d+\ncredential +root$/m);
  const asKey = await run(['whoami', '--json'], undefined, { LATCHKEY_KEY: key });
  expect(JSON.parse(asKey.stdout)).toMatchObject({ workspace_id: id, method: 'api_key' });
  // With two workspaces root must say which.
  expect(await run(['keys', 'list'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('workspace_id (--workspace): is required'),
  });
  expect((await run(['keys', 'list', '--workspace', id])).code).toBe(0);
});

test('the catalogues are changed by the root key', async () => {
  const create = ['scopes', 'create', 'reports:all', '--description', 'All reports.', '--implies', 'read', '--json'];
  expect(JSON.parse((await run(create)).stdout)).toMatchObject({
    name: 'reports:all',
    implies: ['read'],
    sensitive: false,
  });
  expect((await run(['scopes', 'update', 'reports:all', '--sensitive', 'yes'])).stdout).toMatch(/^sensitive +yes$/m);
  expect((await run(['scopes', 'get', 'reports:all'])).stdout).toMatch(/^what it allows +All reports\.$/m);
  expect((await run(['scopes', 'delete', 'reports:all'])).code).toBe(2);
  expect((await run(['scopes', 'delete', 'reports:all', '--yes'])).code).toBe(0);
  expect((await run(['scopes', 'get', 'reports:all'])).code).toBe(4);
  expect((await run(['scopes', 'get', '..'])).code).toBe(2);
  const plan = ['plans', 'create', 'gold', '--offered', 'yes', '--limits', 'api_key=5/hour,2/second', '--json'];
  expect(JSON.parse((await run(plan)).stdout)).toMatchObject({
    offered: true,
    api_key: { per_hour: 5, per_second: 2 },
    nobody: { per_hour: null, per_second: null },
  });
  const changed = await run(['plans', 'update', 'gold', '--limits', 'nobody=7/hour', '--offered', 'no']);
  expect(changed.stdout).toMatch(/^offered +no\napi_key +5\/hour, 2\/second\nnobody +7\/hour, any\/second$/m);
  expect(JSON.parse((await run(['plans', 'get', 'gold', '--json'])).stdout).offered).toBe(false);
  for (const bad of ['api_key', 'key=1/hour', 'api_key=1', 'api_key=1/day']) {
    expect([bad, (await run(['plans', 'update', 'gold', '--limits', bad])).code]).toEqual([bad, 2]);
  }
  expect((await run(['plans', 'delete', 'gold', '--yes'])).stderr).toBe('gold is removed.\n');
  expect((await run(['plans', 'delete', 'standard', '--yes'])).code).toBe(1);
});

describe('exit codes', () => {
  const weak = () => ({ LATCHKEY_KEY: program.ready.test_key as string });
  const cases: [string, string[], number, string, (() => Record<string, string>)?][] = [
    [
      'a field that the server refuses',
      ['keys', 'create', '--name', ' ', '--scope', 'read', '--show-secret'],
      2,
      'name: ',
    ],
    ['a key without the right', ['workspaces', 'create', '--name', 'x'], 3, 'forbidden (403)', weak],
    [
      'a key that is none',
      ['scopes', 'list'],
      3,
      'invalid_token (401)',
      () => ({ LATCHKEY_KEY: `sk_test_${'0'.repeat(46)}` }),
    ],
    ['nothing there', ['keys', 'get', NOBODY], 4, 'not_found (404)', weak],
    [
      'no server',
      ['scopes', 'list', '--timeout', '2s'],
      5,
      'does not answer',
      () => ({ LATCHKEY_URL: 'http://127.0.0.1:9', ...weak() }),
    ],
    ['no key', ['scopes', 'list', '--server', 'http://localhost:9'], 3, 'has no key to use here'],
    ['what is no id', ['keys', 'get', '..'], 2, 'the id looks like key_'],
  ];
  test.each(cases)('%s', async (_, args, code, said, env) => {
    const finished = await run(args, undefined, env?.());
    expect([finished.code, finished.stdout]).toEqual([code, '']);
    expect(finished.stderr).toContain(said);
  });

  test('with --json, stdout holds what the API said, also when it refuses', async () => {
    const { code, stdout, stderr } = await run(['keys', 'get', NOBODY, '--json'], undefined, weak());
    expect([code, JSON.parse(stdout)]).toEqual([4, expect.objectContaining({ error: 'not_found', code: 404 })]);
    expect(stderr).toContain(`request id: ${JSON.parse(stdout).request_id}`);
  });
});
