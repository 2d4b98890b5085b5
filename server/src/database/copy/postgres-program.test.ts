import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { forLibpq, runPostgresProgram } from './postgres-program.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A folder with a program of that name, which writes down how it was called. */
function fakeProgram(name: string, ending: string): { PATH: string; called: () => { args: string[]; env: string[] } } {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-program-'));
  folders.push(folder);
  const record = `printf '%s\\n' "$@" > ${folder}/args; env > ${folder}/env`;
  writeFileSync(join(folder, name), `#!/bin/sh\n${record}\n${ending}\n`);
  chmodSync(join(folder, name), 0o755);
  const lines = (file: string) => readFileSync(join(folder, file), 'utf8').trim().split('\n');
  return { PATH: `${folder}:${process.env.PATH}`, called: () => ({ args: lines('args'), env: lines('env') }) };
}

test.each([
  ['postgres://u:p%40ss@h:5433/db', 'postgres://u@h:5433/db', 'p@ss'],
  ['postgres://u@h/db?password=p%26q&sslmode=verify-full', 'postgres://u@h/db?sslmode=verify-full', 'p&q'],
  ['postgres://u@h/db?sslmode=no-verify&uselibpqcompat=true', 'postgres://u@h/db?sslmode=require', null],
  ['postgres:///db?host=/var/run/postgresql', 'postgres:///db?host=%2Fvar%2Frun%2Fpostgresql', null],
])('%s goes to libpq without its password', (url, plain, password) => {
  expect(forLibpq(url)).toEqual({ url: plain, password });
});

test('the password goes through the environment alone, and none of our settings does', async () => {
  const { PATH, called } = fakeProgram('pg_dump', 'echo done');
  const environment = {
    PATH,
    HOME: '/h',
    PGSSLROOTCERT: '/c',
    LATCHKEY_ROOT_KEY: 'lk_root_x',
    LATCHKEY_DATABASE_URL: 'y',
  };
  const { url, password } = forLibpq('postgres://u:hunter2@h/db');
  const written = await runPostgresProgram({ program: 'pg_dump', args: [`--dbname=${url}`], environment, password });
  expect(written).toBe('done\n');
  const { args, env } = called();
  expect(args).toEqual(['--dbname=postgres://u@h/db']);
  expect(env).toEqual(expect.arrayContaining(['PGPASSWORD=hunter2', 'PGSSLROOTCERT=/c', 'HOME=/h']));
  expect(env.filter((line) => line.startsWith('LATCHKEY_'))).toEqual([]);
});

test('a failure comes with its own words, and with a cure where one is known', async () => {
  const { PATH } = fakeProgram('pg_dump', 'echo "aborting because of server version mismatch" >&2; exit 1');
  const run = runPostgresProgram({ program: 'pg_dump', args: [], environment: { PATH } });
  await expect(run).rejects.toThrow(
    /pg_dump failed: aborting because of server version mismatch\ninstall the client programs/,
  );
  const missing = runPostgresProgram({ program: 'pg_restore', args: [], environment: { PATH: '/nowhere' } });
  await expect(missing).rejects.toThrow('pg_restore is not on PATH');
});
