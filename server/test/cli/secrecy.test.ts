import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { newDataDir, type Program, runProgram, startProgram, stopPrograms } from '../running/program.ts';

// Each command is a process of its own, and the machine may be busy.
vi.setConfig({ testTimeout: 120_000 });

const bin = fileURLToPath(new URL('../../bin/latchkey.js', import.meta.url));

let program: Program;
beforeAll(async () => {
  program = await startProgram();
});
afterAll(stopPrograms);

/** A server that answers everything with this, and remembers what it was sent. */
async function listen(status: number, headers: Record<string, string> = {}) {
  const seen: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(status, headers).end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
}

function keyFile(mode = 0o600): string {
  const path = join(newDataDir(), 'key');
  writeFileSync(path, `${program.ready.test_key}\n`);
  chmodSync(path, mode);
  return path;
}

describe('a secret is no argument', () => {
  test.each([
    ['as an id', (secret: string) => ['keys', 'get', secret]],
    ['as a value', (secret: string) => ['keys', 'create', `--name=${secret}`, '--scope', 'read']],
    ['as a key', (secret: string) => ['scopes', 'list', '--key-file', secret]],
    ['after a typing error', (secret: string) => ['kyes', secret]],
  ])('%s', async (_, argsOf) => {
    const secret = program.ready.test_key as string;
    const { code, stdout, stderr } = await runProgram(argsOf(secret), { dataDir: program.dataDir });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('Treat it as leaked');
    expect(stderr).not.toContain(secret);
  });

  test.runIf(process.platform === 'linux')('and stands in no command line while a command runs', async () => {
    const secret = program.ready.test_key as string;
    const env = { PATH: process.env.PATH, LATCHKEY_DATA_DIR: program.dataDir, LATCHKEY_KEY_FILE: keyFile() };
    const child = spawn(process.execPath, [bin, 'keys', 'verify'], { env, stdio: 'pipe' });
    const exited = once(child, 'exit');
    child.stdin.write(secret.slice(0, 20));
    const files = ['cmdline', 'environ'].map((name) => readFileSync(`/proc/${child.pid}/${name}`, 'utf8'));
    expect(files[0]).toContain('verify');
    for (const text of files) expect(text).not.toContain(secret);
    child.stdin.end(secret.slice(20));
    expect(await exited).toEqual([0, null]);
  });
});

test
  .runIf(process.platform === 'linux')
  .each([
    ['keys', 'list', '--json'],
    ['keys', 'create', '--name', 'lost', '--scope', 'read', '--show-secret'],
    ['secrets', 'generate'],
    ['audit', 'export'],
    ['version'],
  ])('a full disk behind stdout is no success: %s %s', async (...args) => {
  const full = openSync('/dev/full', 'w');
  const env = { PATH: process.env.PATH, LATCHKEY_DATA_DIR: program.dataDir };
  const child = spawn(process.execPath, [bin, ...args], { env, stdio: ['ignore', full, 'pipe'] });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    said += text;
  });
  const [code] = await once(child, 'close');
  closeSync(full);
  expect([code, said]).toEqual([1, 'latchkey: stdout cannot be written (ENOSPC); what it holds is not whole\n']);
});

test('https to a server that speaks http is called that', async () => {
  const url = program.ready.url.replace('http:', 'https:');
  const { code, stderr } = await runProgram(['scopes', 'list', '--server', url], {
    env: { LATCHKEY_KEY_FILE: keyFile() },
  });
  expect([code, stderr]).toEqual([5, `latchkey: ${url} does not speak https: is it an http address?\n`]);
});

describe('a key file', () => {
  test.each([0o640, 0o604, 0o660])('that others may read is refused: %o', async (mode) => {
    const path = keyFile(mode);
    for (const finished of [
      await runProgram(['scopes', 'list', '--server', program.ready.url, '--key-file', path]),
      await runProgram(['scopes', 'list', '--server', program.ready.url], { env: { LATCHKEY_KEY_FILE: path } }),
    ]) {
      expect([finished.code, finished.stdout]).toEqual([2, '']);
      expect(finished.stderr).toContain(`chmod 600 ${path}`);
    }
  });

  test('that only its owner may read is used', async () => {
    const env = { LATCHKEY_KEY_FILE: keyFile(), LATCHKEY_URL: program.ready.url };
    const { code, stdout } = await runProgram(['whoami', '--json'], { env });
    expect([code, JSON.parse(stdout).workspace_id]).toEqual([0, program.ready.workspace_id]);
  });

  test('and a key in the environment are one too many', async () => {
    const env = { LATCHKEY_KEY_FILE: keyFile(), LATCHKEY_KEY: 'x'.repeat(20), LATCHKEY_URL: program.ready.url };
    expect((await runProgram(['whoami'], { env })).code).toBe(2);
  });
});

describe('a key goes', () => {
  test('over plain http to this machine only, unless somebody says so', async () => {
    const env = { LATCHKEY_KEY_FILE: keyFile() };
    for (const url of [
      'http://192.0.2.1',
      'http://localhost.example.com',
      'http://127.0.0.1.example.com',
      'http://[::ffff:192.0.2.1]',
    ]) {
      const { code, stderr } = await runProgram(['scopes', 'list', '--server', url], { env });
      expect([url, code, stderr]).toEqual([url, 2, expect.stringContaining('--allow-http')]);
    }
    for (const url of ['ftp://localhost', 'http://u:p@localhost', 'localhost:4000', 'http://localhost/?a=b']) {
      const { code, stderr } = await runProgram(['scopes', 'list', '--server', url], { env });
      expect([url, code, stderr]).toEqual([url, 2, expect.stringContaining('without credentials')]);
    }
    const allowed = ['scopes', 'list', '--server', 'http://192.0.2.1', '--allow-http', '--timeout', '1s'];
    expect((await runProgram(allowed, { env })).code).toBe(5);
  });

  test('nowhere else when the server answers with a redirect', async () => {
    const thief = await listen(200);
    const server = await listen(307, { location: thief.url });
    const env = { LATCHKEY_KEY_FILE: keyFile() };
    const { code, stderr } = await runProgram(['scopes', 'list', '--server', server.url], { env });
    expect([code, stderr]).toEqual([2, expect.stringContaining('redirect (307)')]);
    expect([server.seen.length, thief.seen]).toEqual([1, []]);
    for (const { close } of [server, thief]) close();
  });

  test('of a data dir to its own server only', async () => {
    const other = await listen(200);
    const { code } = await runProgram(['scopes', 'list', '--server', other.url], { dataDir: program.dataDir });
    expect([code, other.seen]).toEqual([3, []]);
    other.close();
    const own = ['scopes', 'list', '--server', program.ready.url];
    expect((await runProgram(own, { dataDir: program.dataDir })).code).toBe(0);
    const production = { LATCHKEY_MODE: 'production' };
    expect((await runProgram(own, { dataDir: program.dataDir, env: production })).code).toBe(3);
  });
});
