import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test, vi } from 'vitest';
import { newDataDir, type Program, runProgram, startProgram, stopPrograms } from '../running/program.ts';

// Each command is a process of its own, and the machine may be busy.
vi.setConfig({ testTimeout: 120_000 });

let program: Program;
beforeEach(async () => {
  program = await startProgram();
});
afterAll(stopPrograms);

const run = (args: string[], input?: string) =>
  runProgram(['keys', 'import', ...args], {
    dataDir: program.dataDir,
    ...(input === undefined ? {} : { input }),
  });

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');

function fileOf(name: string, text: string): string {
  const path = join(newDataDir(), name);
  writeFileSync(path, text);
  return path;
}

async function keyNames(): Promise<string[]> {
  const { json } = await program.call('/v1/api-keys?limit=100');
  return json.data.map(({ name }: { name: string }) => name).filter((name: string) => name !== 'First test key');
}

test('CSV: cells become fields, and the keys work', async () => {
  const csv = [
    '\uFEFFname,scopes,hash,external_id,ip_allowlist,quota_limit,quota_period,metadata.team,owner',
    `"one, two",read write,${hashOf('old-secret-1')},e1,127.0.0.0/8 ::1,5,day,"a ""b""",acme`,
    '',
    `three,,${hashOf('old-secret-2')},,,,,,`,
  ].join('\r\n');
  const done = await run([fileOf('keys.csv', csv)]);
  expect(done).toMatchObject({ code: 0, stdout: '2 imported, 0 there already, 0 refused\n', stderr: '' });
  const { json } = await program.call('/v1/api-keys?external_id=e1');
  expect(json.data[0]).toMatchObject({
    name: 'one, two',
    scopes: ['read', 'write'],
    ip_allowlist: ['127.0.0.0/8', '::1/128'],
    quota: { limit: 5, period: 'day' },
    metadata: { team: 'a "b"' },
    owner: 'acme',
  });
  expect((await program.call('/v1/projects', { key: 'old-secret-1' })).status).toBe(200);
  expect((await program.call('/v1/projects', { key: 'old-secret-2' })).status).toBe(403);
});

test('refused rows are told with their lines, and the rest goes on', async () => {
  const rows = [
    { name: 'good 1', scopes: [], hash: { algorithm: 'sha256', value: hashOf('1') } },
    { name: 'bad hash', scopes: [], hash: { algorithm: 'sha256', value: 'x' } },
    { name: 'bad scope', scopes: ['no-such'], hash: { algorithm: 'sha256', value: hashOf('3') } },
    { name: 'twin', scopes: [], external_id: 'same', hash: { algorithm: 'sha256', value: hashOf('4') } },
    { name: 'twin too', scopes: [], external_id: 'same', hash: { algorithm: 'sha256', value: hashOf('5') } },
    { name: 'extra', scopes: [], key: 'oops', hash: { algorithm: 'sha256', value: hashOf('6') } },
    { name: 'good\u2028 2', scopes: ['read'], hash: { algorithm: 'sha256', value: hashOf('7') } },
  ];
  const lines = rows.map((row) => JSON.stringify(row));
  lines.splice(2, 0, '', '{"name": ', '[]');
  const done = await run(['-', '--format', 'jsonl'], lines.join('\n'));
  expect([done.code, done.stdout]).toEqual([1, '3 imported, 0 there already, 6 refused\n']);
  const told = done.stderr.split('\n').filter(Boolean).sort();
  expect(told).toEqual([
    expect.stringMatching(/^line 2: validation_failed: hash\.value must be SHA-256/),
    'line 4: unreadable: is not valid JSON',
    'line 5: unreadable: is no JSON object',
    expect.stringMatching(/^line 6: validation_failed: scopes/),
    expect.stringMatching(/^line 8: conflict: The workspace has a key with this external_id/),
    expect.stringMatching(/^line 9: validation_failed: .*key/),
  ]);
  expect((await keyNames()).sort()).toEqual(['good 1', 'good\u2028 2', 'twin']);
});

test('it may be run again, also after it was cut off, and makes nothing twice', async () => {
  const row = (at: number) => ({ name: `k${at}`, scopes: [], hash: { algorithm: 'sha256', value: hashOf(`s${at}`) } });
  const path = fileOf('keys.json', JSON.stringify({ keys: Array.from({ length: 230 }, (_, at) => row(at)) }));
  // What a run did that ended in the middle of the second batch: other batches, so other Idempotency-Keys.
  const cutOff = await program.call('/v1/api-keys/import', { json: { keys: [row(0), row(1), row(120)] } });
  expect(cutOff.status).toBe(201);
  const first = await run([path, '--json']);
  expect([first.code, JSON.parse(first.stdout)]).toEqual([
    0,
    { dry_run: false, imported: 227, existing: 3, refused: [] },
  ]);
  const second = await run([path, '--json']);
  expect(JSON.parse(second.stdout)).toMatchObject({ imported: 0, existing: 230 });
  const all = await runProgram(['keys', 'list', '--all', '--json'], { dataDir: program.dataDir });
  expect(JSON.parse(all.stdout).data).toHaveLength(231);
});

test('what was deleted since comes back when asked for', async () => {
  const path = fileOf('keys.csv', `name,hash\nagain,${hashOf('a')}\n`);
  await run([path]);
  const { json } = await program.call('/v1/api-keys');
  const [{ id }] = json.data.filter(({ name }: { name: string }) => name === 'again');
  await runProgram(['keys', 'delete', id, '--yes'], { dataDir: program.dataDir });
  expect((await run([path])).stdout).toContain('0 imported, 1 there already');
  expect((await run([path, '--again'])).stdout).toContain('1 imported, 0 there already');
  expect(await keyNames()).toEqual(['again']);
});

test('what cannot be read stops before anything is made, or says where', async () => {
  const cases: [string, string, string, string][] = [
    ['keys.json', '{"keys": 1}', 'no list of keys', ''],
    ['keys.json', '{', 'not valid JSON', ''],
    ['keys.txt', '', '--format', ''],
    ['keys.csv', 'name,secret\na,b\n', 'unknown column `secret`', '0 imported, 0 there already, 1 refused\n'],
    ['keys.csv', `name,hash\na,"${hashOf('z')}\n`, 'of the CSV cannot be read', ''],
  ];
  for (const [name, text, why, stdout] of cases) {
    const done = await run([fileOf(name, text)]);
    expect([done.code === 0, done.stdout, done.stderr]).toEqual([false, stdout, expect.stringContaining(why)]);
  }
  expect((await run([join(newDataDir(), 'none.csv')])).stderr).toContain('ENOENT');
  expect(await keyNames()).toEqual([]);
  const dry = await run([fileOf('keys.csv', `name,hash\na,${hashOf('z')}\n`), '--dry-run']);
  expect([dry.code, dry.stdout]).toEqual([0, '1 would be imported, 0 there already, 0 refused\n']);
  expect(await keyNames()).toEqual([]);
});

test('a caller that may not import is told once', async () => {
  const made = await program.call('/v1/api-keys', { json: { name: 'reader', scopes: ['api_keys:read'] } });
  const path = fileOf('keys.csv', `name,hash\na,${hashOf('1')}\nb,${hashOf('2')}\n`);
  const env = { LATCHKEY_KEY: made.json.key };
  const { code, stderr } = await runProgram(['keys', 'import', path], { dataDir: program.dataDir, env });
  expect([code, stderr.match(/insufficient_scope/g)]).toEqual([3, ['insufficient_scope']]);
});
