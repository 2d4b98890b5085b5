import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { findBinary } from '../services/find-binary.ts';
import { type Program, startProgram, stopPrograms } from './program.ts';

afterEach(stopPrograms);

/**
 * Lets none of the program's files grow beyond this size: its writes fail as they do when the disk is full. The limit
 * of the operating system, set on the running process; it can be lifted again.
 */
function limitFiles({ pid }: Program, bytes: number | 'unlimited'): void {
  const prlimit = findBinary({ name: 'prlimit', also: ['/usr/bin'], debianPackage: 'util-linux' });
  execFileSync(prlimit, ['--pid', String(pid), `--fsize=${bytes}:`]);
}

const largestFile = (folder: string) =>
  Math.max(...readdirSync(folder).map((name) => statSync(join(folder, name)).size));

test('on a full disk a key is refused whole with 503, reading goes on, and room brings writing back', async () => {
  const program = await startProgram();
  const create = (name: string, headers: Record<string, string> = {}) =>
    program.call('/v1/api-keys', { json: { name, scopes: ['read'] }, headers });
  const names = async () => {
    const { json } = await program.call('/v1/api-keys?limit=100');
    return (json.data as { name: string }[]).map(({ name }) => name).sort();
  };
  const [warm, cold] = [(await create('warm')).json, (await create('cold')).json];
  expect((await program.call('/v1/auth/verify', { key: warm.key })).status).toBe(200);

  limitFiles(program, largestFile(program.dataDir));
  const refused = await Promise.all([
    ...['never 1', 'never 2', 'never 3'].map((name) => create(name)),
    create('never 4', { 'idempotency-key': 'on-a-full-disk' }),
    program.call(`/v1/api-keys/${warm.id}/revoke`, { json: {} }),
    program.call('/v1/projects', { json: { name: 'never' } }),
  ]);
  for (const { status, headers, json } of refused) {
    expect([status, json.error, headers.get('retry-after')]).toEqual([503, 'unavailable', '1']);
    expect(json.message).toContain('Nothing was changed');
  }
  expect(await names()).toEqual(['First test key', 'cold', 'warm']);
  for (const { key } of [warm, cold]) expect((await program.call('/v1/auth/verify', { key })).status).toBe(200);
  expect((await program.call('/healthz', { key: null })).status).toBe(200);

  limitFiles(program, 'unlimited');
  const after = await create('after', { 'idempotency-key': 'on-a-full-disk' });
  expect(after.status).toBe(201);
  expect((await program.call('/v1/auth/verify', { key: after.json.key })).status).toBe(200);
  const projects = await program.call('/v1/projects');
  expect(projects.json.data).toHaveLength(1);

  await program.end('SIGKILL');
  const again = await startProgram({ dataDir: program.dataDir });
  for (const { key } of [warm, cold, after.json]) {
    expect((await again.call('/v1/auth/verify', { key })).status).toBe(200);
  }
  const { json } = await again.call('/v1/api-keys', { key: program.ready.test_key ?? null });
  expect(json.data.map(({ name }: { name: string }) => name).sort()).toEqual([
    'First test key',
    'after',
    'cold',
    'warm',
  ]);
});
