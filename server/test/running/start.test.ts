import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { freshPostgres } from '../harness.ts';
import { newDataDir, runProgram, startProgram, stopPrograms } from './program.ts';

afterAll(stopPrograms);

const refuse = (env: Record<string, string>, dataDir = newDataDir()) =>
  runProgram(['serve', '--json'], { env, dataDir });

describe.concurrent('a start', () => {
  test('makes what it needs once, says it once, and works as pasted', async () => {
    const first = await startProgram();
    expect(first.stdout()).toBe(`${JSON.stringify(first.ready)}\n`);
    expect(first.ready).toEqual({
      url: expect.stringMatching(/^http:\/\/localhost:\d+$/),
      issuer: first.ready.url,
      first_start: true,
      root_key: expect.stringMatching(/^lk_root_[0-9A-Za-z]{46}$/),
      workspace_id: expect.stringMatching(/^ws_/),
      owner: { email: 'owner@example.com', password: expect.stringMatching(/^[0-9A-Za-z]{20}$/) },
      test_key: expect.stringMatching(/^sk_test_[0-9A-Za-z]{46}$/),
      application: {
        client_id: expect.stringMatching(/^app_[0-9A-Za-z]{24}$/),
        client_secret: expect.stringMatching(/^lk_cs_[0-9A-Za-z]{46}$/),
      },
      curl: expect.stringContaining(first.ready.test_key ?? ''),
    });
    const [, header = '', url = ''] = /-H "([^"]+)" (\S+)$/.exec(first.ready.curl ?? '') ?? [];
    const [name = '', value = ''] = header.split(': ');
    const reply = await fetch(url, { headers: { [name]: value } });
    expect([reply.status, (await reply.json()).data]).toEqual([
      200,
      [expect.objectContaining({ name: 'Example project' })],
    ]);
    const { dataDir, ready } = first;
    expect(statSync(join(dataDir, 'root-key')).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(dataDir, 'root-key'), 'utf8').trim()).toBe(ready.root_key);
    await first.end('SIGTERM');
    expect(first.stdout()).toBe(`${JSON.stringify(ready)}\n`);

    const second = await startProgram({ dataDir });
    expect(Object.keys(second.ready).sort()).toEqual(['first_start', 'issuer', 'url']);
    expect((await second.call('/v1/auth/verify', { key: ready.test_key ?? null })).status).toBe(200);
    expect((await second.call('/v1/api-keys', { key: ready.root_key ?? null })).status).toBe(200);
    await second.end('SIGTERM');
    const secrets = [ready.root_key, ready.test_key, ready.owner?.password, ready.application?.client_secret].map(
      String,
    );
    for (const secret of secrets) expect(second.stdout() + second.stderr()).not.toContain(secret);
    for (const file of readdirSync(dataDir).filter((each) => each !== 'root-key')) {
      const bytes = readFileSync(join(dataDir, file)).toString('latin1');
      for (const secret of secrets) expect([file, bytes.includes(secret)]).toEqual([file, false]);
    }
  });

  test('without --json tells people the same', async () => {
    const command = [process.execPath, 'server/bin/latchkey.js', 'serve'];
    const program = await startProgram({ command, isReady: (text) => text.includes('Ctrl-C') });
    expect(program.stdout()).toMatch(/Root key +lk_root_\w+\n[\s\S]*Test key +sk_test_\w+\n[\s\S]*curl -H/);
    expect(await program.end('SIGTERM')).toEqual({ code: 0, signal: null });
  });

  test('in production takes what `secrets generate` prints, makes and says nothing, and names a misspelt setting', async () => {
    const { code, stdout } = await runProgram(['secrets', 'generate']);
    expect(code).toBe(0);
    const secrets = Object.fromEntries(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split(/=(.*)/s).slice(0, 2)),
    );
    expect(Object.keys(secrets)).toEqual(['LATCHKEY_ROOT_KEY', 'LATCHKEY_ENCRYPTION_KEYS']);
    const misspelt = { LATCHKEY_ROOT_KEYS: 'hunter2' };
    const env = { ...secrets, ...misspelt, LATCHKEY_MODE: 'production', LATCHKEY_ISSUER: 'https://auth.example.com' };
    const program = await startProgram({ env });
    expect(program.stderr()).toContain('LATCHKEY_ROOT_KEYS is no setting of this version');
    expect(program.stderr()).not.toContain('hunter2');
    const { url } = program.ready;
    expect(program.ready).toEqual({ url, issuer: 'https://auth.example.com', first_start: false });
    expect((await program.call('/healthz', { key: null })).status).toBe(200);
    expect((await program.call('/v1/auth/verify', { key: null })).status).toBe(401);
    expect((await program.call('/v1/projects', { key: null })).status).toBe(404);
    const asRoot = await program.call('/v1/api-keys', { key: secrets.LATCHKEY_ROOT_KEY });
    expect([asRoot.status, asRoot.json.error]).toEqual([422, 'validation_failed']);
    expect(readdirSync(program.dataDir).filter((name) => !name.startsWith('latchkey.sqlite'))).toEqual([]);
  });
});

describe.concurrent('a start is refused with exit code 2, a sentence and a cure, for', () => {
  test('broken settings, all at once and without their secrets', async () => {
    const { code, stdout, stderr } = await refuse({
      HOST: '0.0.0.0',
      PORT: 'eighty',
      LATCHKEY_ISSUER: 'auth.example.com',
      LATCHKEY_ROOT_KEY: 'hunter2-root',
      LATCHKEY_ENCRYPTION_KEYS: 'vault:secret/latchkey#keys',
      LATCHKEY_DATABASE_URL: 'mysql://user:hunter2-database@host/x',
    });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('6 things need attention');
    for (const name of ['PORT', 'ISSUER', 'ROOT_KEY', 'ENCRYPTION_KEYS', 'DATABASE_URL', 'MODE']) {
      expect(stderr).toMatch(new RegExp(`^  (LATCHKEY_)?${name} .*\\.\n    -> .*\\.$`, 'm'));
    }
    expect(stderr).not.toContain('hunter2');
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test('what is wrong with files and folders', async () => {
    const file = join(newDataDir(), 'file');
    writeFileSync(
      file,
      'no database, and no folder; long enough to be read as a header of SQLite, were it one\n'.repeat(50),
    );
    const occupied = newDataDir();
    writeFileSync(join(occupied, 'root-key'), 'spoilt');
    const cases: [Record<string, string>, string, string?][] = [
      [{ LATCHKEY_DATA_DIR: '/proc/latchkey' }, 'LATCHKEY_DATA_DIR'],
      [{ LATCHKEY_DATABASE_URL: `sqlite:${file}` }, 'LATCHKEY_DATABASE_URL'],
      [{ LATCHKEY_DATABASE_URL: `sqlite:/nowhere/at/all.sqlite` }, 'LATCHKEY_DATABASE_URL'],
      [{ LATCHKEY_TLS_CERT: file, LATCHKEY_TLS_KEY: file }, 'LATCHKEY_TLS_CERT'],
      [{}, 'LATCHKEY_ROOT_KEY', occupied],
    ];
    const results = await Promise.all(cases.map(([env, , dataDir]) => refuse(env, dataDir)));
    for (const [index, { code, stdout, stderr }] of results.entries()) {
      const [env, name] = cases[index]!;
      expect([env, code, stdout]).toEqual([env, 2, '']);
      expect(stderr).toMatch(new RegExp(`^  ${name} .*\\.\n    -> .*\\.$`, 'm'));
      expect(stderr).not.toMatch(/^\s+at |spoilt/m);
    }
  });

  test('a port or an address that cannot be had', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const [taken, foreign] = await Promise.all([
      refuse({ PORT: String(port) }),
      refuse({ HOST: '192.0.2.1', LATCHKEY_MODE: 'development' }),
    ]);
    other.close();
    expect(taken.stderr).toMatch(new RegExp(`PORT ${port} is in use\\.\n    -> .*PORT=${port + 1}\\.`));
    expect(foreign.stderr).toMatch(/HOST 192\.0\.2\.1 is no address of this machine\.\n {4}-> /);
    for (const { code, stdout } of [taken, foreign]) expect([code, stdout]).toEqual([2, '']);
  });

  test('a PostgreSQL that cannot be reached or entered, without its password', async () => {
    const there = new URL(await freshPostgres());
    const [away, missing] = await Promise.all([
      refuse({ LATCHKEY_DATABASE_URL: 'postgres://latchkey:hunter2@127.0.0.1:1/latchkey' }),
      refuse({ LATCHKEY_DATABASE_URL: `postgres://postgres:hunter2@${there.host}/no_such_database` }),
    ]);
    expect(away.stderr).toContain('ECONNREFUSED');
    expect(missing.stderr).toContain('no_such_database');
    for (const { code, stdout, stderr } of [away, missing]) {
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(/^ {2}LATCHKEY_DATABASE_URL cannot be used .*\.\n {4}-> .*\.$/m);
      expect(stderr).not.toMatch(/hunter2|^\s+at /m);
    }
  });
});

describe.concurrent('one SQLite file', () => {
  test('is served by one process: a second is told which, and may when the first was killed', async () => {
    const first = await startProgram();
    const { dataDir } = first;
    const second = await refuse({}, dataDir);
    expect([second.code, second.stdout]).toEqual([2, '']);
    expect(second.stderr).toContain(`process ${first.pid}, serving ${first.ready.url}`);
    expect((await first.call('/v1/auth/verify')).status).toBe(200);
    await first.end('SIGKILL');
    const third = await startProgram({ dataDir });
    expect((await third.call('/v1/auth/verify', { key: first.ready.test_key ?? null })).status).toBe(200);
  });

  test('that two start on at the same moment is served by one; the other is refused', async () => {
    const dataDir = newDataDir();
    const started = await Promise.allSettled([startProgram({ dataDir }), startProgram({ dataDir })]);
    const programs = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    const refusals = started.flatMap((each) => (each.status === 'rejected' ? [String(each.reason)] : []));
    expect(refusals).toEqual([expect.stringContaining('holds a database that another process serves already')]);
    const { ready, call } = programs[0]!;
    expect((await call('/v1/auth/verify')).status).toBe(200);
    const rootKey = readFileSync(join(dataDir, 'root-key'), 'utf8').trim();
    expect((await call('/v1/api-keys', { key: rootKey })).status).toBe(200);
    expect([rootKey, undefined]).toContain(ready.root_key);
  });
});

test.concurrent('one new PostgreSQL database that two start on at the same moment is served by both, and begun by one', async () => {
  const env = { LATCHKEY_DATABASE_URL: await freshPostgres() };
  const dataDir = newDataDir();
  const programs = await Promise.all([startProgram({ dataDir, env }), startProgram({ dataDir, env })]);
  expect(programs.map(({ ready }) => ready.first_start).sort()).toEqual([false, true]);
  expect(programs.filter(({ ready }) => ready.root_key)).toHaveLength(1);
  const key = programs.find(({ ready }) => ready.test_key)?.ready.test_key ?? '';
  for (const { call } of programs) expect((await call('/v1/auth/verify', { key })).status).toBe(200);
  const rootKey = readFileSync(join(dataDir, 'root-key'), 'utf8').trim();
  const asRoot = await programs[0]!.call('/v1/api-keys', { key: rootKey });
  expect([asRoot.status, asRoot.json.data]).toEqual([200, [expect.objectContaining({ name: 'First test key' })]]);
});
