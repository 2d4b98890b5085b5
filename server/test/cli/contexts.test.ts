import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { newDataDir, type Program, runProgram, startProgram, stopPrograms } from '../running/program.ts';

// Each command is a process of its own, and the machine may be busy.
vi.setConfig({ testTimeout: 120_000 });

let program: Program;
let config: string;
beforeAll(async () => {
  program = await startProgram();
});
beforeEach(() => {
  config = newDataDir();
});
afterAll(stopPrograms);

const run = (args: string[], input?: string, env: Record<string, string> = {}) =>
  runProgram(args, { env: { XDG_CONFIG_HOME: config, ...env }, ...(input === undefined ? {} : { input }) });

const file = () => join(config, 'latchkey', 'contexts.json');
const add = (name: string, ...more: string[]) =>
  run(['context', 'add', name, '--server', program.ready.url, ...more], `${program.ready.test_key}\n`);

test('is kept where only its owner may read it, and used from then on', async () => {
  expect(await add('local')).toMatchObject({
    code: 0,
    stdout: '',
    stderr: 'Saved local, which is used from now on.\n',
  });
  expect([statSync(file()).mode & 0o777, statSync(join(config, 'latchkey')).mode & 0o777]).toEqual([0o600, 0o700]);
  const caller = JSON.parse((await run(['whoami', '--json'])).stdout);
  expect(caller.workspace_id).toBe(program.ready.workspace_id);
  const list = await run(['context', 'list']);
  expect(list.stdout).toMatch(/^CURRENT +NAME +SERVER +KEY\n\* +local +http:\/\/localhost:\d+ +saved here\n$/);
  const json = await run(['context', 'list', '--json']);
  expect(JSON.parse(json.stdout).data).toEqual([
    { name: 'local', server: program.ready.url, key_file: null, current: true },
  ]);
  for (const { stdout } of [list, json]) expect(stdout).not.toContain(program.ready.test_key);
});

test('a file that others may read is refused, and one that is no such file', async () => {
  await add('local');
  chmodSync(file(), 0o644);
  expect(await run(['whoami'])).toMatchObject({ code: 2, stderr: expect.stringContaining(`chmod 600 ${file()}`) });
  chmodSync(file(), 0o600);
  for (const text of ['', '[]', '{"current":1,"contexts":{}}', '{"current":null,"contexts":{"a":{"server":1}}}']) {
    writeFileSync(file(), text);
    expect(await run(['whoami'])).toMatchObject({ code: 2, stderr: expect.stringContaining('holds no contexts') });
  }
});

test('names are added once, chosen, and forgotten', async () => {
  const path = join(config, 'key');
  writeFileSync(path, `${program.ready.test_key}\n`, { mode: 0o600 });
  await add('one');
  expect((await add('one')).code).toBe(2);
  expect((await add('one', '--replace')).code).toBe(0);
  expect((await add('two', '--key-file', path)).stderr).toBe('Saved two.\n');
  expect(readFileSync(file(), 'utf8')).toContain(path);
  expect((await run(['context', 'use', 'tow'])).stderr).toContain('Did you mean `two`?');
  await run(['context', 'use', 'two']);
  expect(JSON.parse((await run(['context', 'list', '--json'])).stdout).data[1]).toMatchObject({
    name: 'two',
    current: true,
  });
  expect((await run(['whoami'])).code).toBe(0);
  expect((await run(['context', 'remove', 'two'])).code).toBe(2);
  expect((await run(['context', 'remove', 'two', '--yes'])).code).toBe(0);
  expect(readFileSync(file(), 'utf8')).not.toContain(path);
  for (const name of ['', 'a/b', '__proto__', '-x']) expect([name, (await add(name)).code]).toEqual([name, 2]);
  expect((await run(['whoami', '--context', '__proto__'])).code).toBe(2);
});

test('its key never goes to another server; what is said at the command line goes first', async () => {
  await add('local');
  const elsewhere = await run(['whoami', '--server', 'http://localhost:9']);
  expect([elsewhere.code, elsewhere.stderr]).toEqual([3, expect.stringContaining('has no key to use here')]);
  const byVariable = await run(['whoami'], undefined, { LATCHKEY_URL: 'http://localhost:9' });
  expect(byVariable.code).toBe(3);
  // --context goes before the environment, which goes before the context that was chosen.
  const env = { LATCHKEY_URL: 'http://localhost:9', LATCHKEY_KEY: `sk_test_${'0'.repeat(40)}1OPGLw` };
  expect((await run(['whoami', '--context', 'local'], undefined, env)).code).toBe(0);
  expect((await run(['whoami', '--timeout', '1s'], undefined, env)).code).toBe(5);
  const { LATCHKEY_KEY } = env;
  expect(await run(['whoami'], undefined, { LATCHKEY_KEY })).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('invalid_token'),
  });
  expect((await run(['whoami', '--context', 'local', '--server', program.ready.url])).code).toBe(2);
  const named = { LATCHKEY_CONTEXT: 'nope' };
  expect(await run(['whoami'], undefined, named)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('no context `nope`'),
  });
});

test('a folder cannot name another machine: a key of the environment is not sent there', async () => {
  const dataDir = newDataDir();
  writeFileSync(join(dataDir, 'latchkey.sqlite.serving.json'), '{"pid":1,"url":"https://192.0.2.1"}');
  const env = { XDG_CONFIG_HOME: config, LATCHKEY_KEY: program.ready.test_key ?? '', PORT: '9' };
  const { code, stderr } = await runProgram(['whoami', '--timeout', '1s'], { dataDir, env });
  expect([code, stderr]).toEqual([5, expect.stringContaining('http://localhost:9 does not answer')]);
});
