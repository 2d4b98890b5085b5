import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { newDataDir, type Program, runProgram, startProgram, stopPrograms } from '../running/program.ts';
import { onTerminal } from './terminal.ts';

// Each command is a process of its own, and the machine may be busy.
vi.setConfig({ testTimeout: 120_000 });

let program: Program;
beforeAll(async () => {
  program = await startProgram();
});
afterAll(stopPrograms);

const ESCAPE = '\u001b[';

const terminal = (args: string[], env: Record<string, string> = {}) =>
  onTerminal(args, { LATCHKEY_DATA_DIR: program.dataDir, ...env });

async function makeKey(): Promise<{ id: string; key: string }> {
  return (await program.call('/v1/api-keys', { json: { name: 'made', scopes: ['read'] } })).json;
}

const stateOf = async (id: string) => (await program.call(`/v1/api-keys/${id}`)).json.state;

test('a new secret is shown on a terminal, once and in colors; NO_COLOR is obeyed', async () => {
  for (const [env, hasColors] of [
    [{}, true],
    [{ NO_COLOR: '1' }, false],
    [{ TERM: 'dumb' }, false],
  ] as const) {
    const screen = terminal(['keys', 'create', '--name', 'shown', '--scope', 'read'], env);
    expect(await screen.ended).toBe(0);
    const [, secret = ''] = /shown only now:\s+(sk_test_\w+)/.exec(stripVTControlCharacters(screen.shown())) ?? [];
    expect((await program.call('/v1/projects', { key: secret })).status).toBe(200);
    expect(screen.shown().includes(ESCAPE)).toBe(hasColors);
  }
});

test('output to a pipe has no colors and no secrets', async () => {
  const { dataDir } = program;
  const all = await Promise.all(
    [['keys', 'list'], ['help'], ['doctor'], ['audit', 'tail'], ['workspaces', 'list'], ['keys', 'list', '--json']].map(
      (args) => runProgram(args, { dataDir, env: { FORCE_COLOR: '1' } }),
    ),
  );
  const said = all.map(({ stdout, stderr }) => stdout + stderr).join('');
  expect(said).not.toContain(ESCAPE);
  for (const secret of [program.ready.root_key, program.ready.test_key]) expect(said).not.toContain(secret);
  expect(said).not.toContain(readFileSync(join(dataDir, 'encryption-keys'), 'utf8').trim().split(':')[1]);
});

describe('what cannot be undone', () => {
  test('is asked for, and done after a yes', async () => {
    const { id } = await makeKey();
    const screen = terminal(['keys', 'revoke', id]);
    await screen.sees(`Revoke ${id} at ${program.ready.url}, for good?`);
    expect(await stateOf(id)).toBe('active');
    screen.type('y');
    expect(await screen.ended).toBe(0);
    expect(await stateOf(id)).toBe('revoked');
  });

  test.each([
    ['a no', 'n', 1],
    ['Enter alone', '\r', 1],
    ['Ctrl-C', '\u0003', 130],
  ])('is not done after %s', async (_, keys, code) => {
    const { id } = await makeKey();
    const screen = terminal(['keys', 'revoke', id]);
    await screen.sees('for good?');
    screen.type(keys);
    expect(await screen.ended).toBe(code);
    expect(await stateOf(id)).toBe('active');
  });
});

test('a key that is typed does not show', async () => {
  const { key } = await makeKey();
  const screen = terminal(['keys', 'verify']);
  await screen.sees('The key');
  screen.type(`${key}\r`);
  expect(await screen.ended).toBe(0);
  expect(stripVTControlCharacters(screen.shown())).toMatch(/valid +yes/);
  expect(screen.shown()).not.toContain(key);
  expect(screen.shown()).not.toContain(key.slice(10, 20));
});

test('long work shows how far it is on a terminal, and clears it away', async () => {
  const path = join(newDataDir(), 'keys.jsonl');
  const row = (at: number) =>
    JSON.stringify({
      name: `k${at}`,
      scopes: [],
      hash: { algorithm: 'sha256', value: at.toString(16).padStart(64, '0') },
    });
  writeFileSync(path, Array.from({ length: 250 }, (_, at) => row(at)).join('\n'));
  const screen = terminal(['keys', 'import', path], { NO_COLOR: '1' });
  expect(await screen.ended).toBe(0);
  expect(screen.shown()).toContain(`\r${ESCAPE}2KImporting 0\r`);
  expect(screen.shown().split(`${ESCAPE}2K`).at(-1)).toBe('250 imported, 0 there already, 0 refused\r\n');
});

test('text from elsewhere cannot move the cursor', async () => {
  const name = 'evil \u001b[2J\u202e name';
  await program.call('/v1/api-keys', { json: { name, scopes: [], owner: 'evil' } });
  const screen = terminal(['keys', 'list', '--owner', 'evil'], { NO_COLOR: '1' });
  expect(await screen.ended).toBe(0);
  expect(screen.shown()).not.toContain(ESCAPE);
  expect(screen.shown()).not.toContain('\u202e');
});
