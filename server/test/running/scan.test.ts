import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { mintSecret, secretHint } from '@latchkey/protocol';
import { afterAll, expect, test } from 'vitest';
import { pooledRandom, sha256Hex } from '../../src/crypto/index.ts';
import { newDataDir, repository, runProgram, startProgram, stopPrograms } from './program.ts';

afterAll(stopPrograms);

const randomBytes = pooledRandom();
const bin = join(repository, 'server/bin/latchkey.js');

test.concurrent('places, hints and exit codes; never a secret', async () => {
  const folder = newDataDir();
  const secret = mintSecret('secret_live', randomBytes);
  const root = mintSecret('root', randomBytes);
  writeFileSync(join(folder, 'a.env'), `KEY=${secret}\nROOT=${root}\n`);
  writeFileSync(join(folder, 'allowed'), `${sha256Hex(secret)} # known\n`);
  const run = (...args: string[]) => runProgram(['scan', folder, ...args]);
  const [plain, json, ignored, excluded] = await Promise.all([
    run(),
    run('--json'),
    run('--ignore-file', join(folder, 'allowed')),
    run('--exclude', '*.env'),
  ]);
  const at = join(folder, 'a.env');
  expect(plain.stdout).toBe(`${at}:1:5  live key  ${secretHint(secret)}\n${at}:2:6  root key  ${secretHint(root)}\n`);
  expect(plain.stderr).toMatch(/^2 secrets in 2 places; read 2 files, 0 MB\.\n$/);
  expect(
    json.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toEqual([
    expect.objectContaining({ path: at, line: 1, column: 5, kind: 'secret_live', sha256: sha256Hex(secret) }),
    expect.objectContaining({ path: at, line: 2, column: 6, kind: 'root', commit: null, in: 'content' }),
  ]);
  expect(ignored.stdout).toBe(`${at}:2:6  root key  ${secretHint(root)}\n`);
  expect(ignored.stderr).toContain('1 place ignored');
  expect([plain.code, json.code, ignored.code, excluded.code, excluded.stdout]).toEqual([1, 1, 1, 0, '']);
  for (const { stdout, stderr } of [plain, json, ignored]) {
    for (const text of [secret, root]) expect(stdout + stderr).not.toContain(text.slice(8, 40));
  }
});

test.concurrent('history, and stdin', async () => {
  const folder = newDataDir();
  const secret = mintSecret('access_token', randomBytes);
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.com', ...args], { cwd: folder });
  git('init', '-q');
  writeFileSync(join(folder, 'a'), `x\n${secret}`);
  git('add', '-A');
  git('commit', '-qm', 'one');
  git('rm', '-q', 'a');
  git('commit', '-qm', 'two');
  const { code, stdout } = await runProgram(['scan', '--git', folder]);
  expect([code, stdout]).toEqual([1, expect.stringMatching(/^[0-9a-f]{12}:a:2:1 {2}access token {2}lk_at_…\w{4}\n$/)]);
  const child = spawn(process.execPath, [bin, 'scan', '-'], { stdio: ['pipe', 'pipe', 'ignore'] });
  child.stdin.end(`one\n two ${secret}`);
  const [piped, [exitCode]] = await Promise.all([readText(child.stdout), once(child, 'close')]);
  expect([exitCode, piped]).toEqual([1, `-:2:6  access token  ${secretHint(secret)}\n`]);
});

test.concurrent('what cannot be scanned is a wrong command line, and says what to type', async () => {
  const folder = newDataDir();
  mkdirSync(join(folder, 'plain'));
  writeFileSync(join(folder, 'bad'), 'no digest\n');
  const cases: [string[], RegExp][] = [
    [[], /name what to scan/],
    [[join(folder, 'gone')], /gone is not there/],
    [['--git', join(folder, 'plain')], /--git: .*not a git repository/],
    [['--git', '-'], /--git scans a repository/],
    [[folder, '-'], /- stands alone/],
    [[folder, '--ignore-file', join(folder, 'bad')], /line 1 is no SHA-256/],
    [[folder, '--ignore-file', join(folder, 'gone')], /cannot be read \(ENOENT\)/],
  ];
  const runs = await Promise.all(cases.map(([args]) => runProgram(['scan', ...args])));
  for (const [index, { code, stderr, stdout }] of runs.entries()) {
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(cases[index]![1]);
  }
});

test('--check says which keys still work, and costs them nothing', async () => {
  const program = await startProgram();
  const make = async (body: object) => {
    const { json } = await program.call('/v1/api-keys', { json: { name: 'x', scopes: [], ...body } });
    return json as { id: string; key: string };
  };
  const live = await make({ quota: { limit: 1, period: 'total' } });
  const dead = await make({});
  await program.call(`/v1/api-keys/${dead.id}/revoke`, { json: {} });
  const unknown = mintSecret('secret_test', randomBytes);
  const root = mintSecret('root', randomBytes);
  const folder = newDataDir();
  writeFileSync(join(folder, 'keys'), [live.key, dead.key, unknown, root, live.key].join('\n'));
  const env = { LATCHKEY_URL: program.ready.url, LATCHKEY_KEY: program.ready.test_key ?? '' };
  const { code, stdout } = await runProgram(['scan', '--check', '--json', folder], { env });
  const statuses = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).status);
  expect([code, statuses]).toEqual([1, ['live', 'revoked', 'not_found', 'cannot_be_checked', 'live']]);
  const asked = await program.call('/v1/api-keys/verify', { json: { key: live.key } });
  expect(asked.json.valid).toBe(true);
  const keyless = await runProgram(['scan', '--check', folder], { env: { LATCHKEY_URL: program.ready.url } });
  expect([keyless.code === 0, keyless.stdout]).toEqual([false, '']);
});
