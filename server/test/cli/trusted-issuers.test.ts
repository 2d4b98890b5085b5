import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { newDataDir, type Program, runProgram, startProgram, stopPrograms } from '../running/program.ts';

// Each command is a process of its own, and the machine may be busy.
vi.setConfig({ testTimeout: 120_000 });

let program: Program;
beforeAll(async () => {
  program = await startProgram();
});
afterAll(stopPrograms);

const run = (args: string[], input?: string) =>
  runProgram(['trusted-issuers', ...args], { dataDir: program.dataDir, ...(input === undefined ? {} : { input }) });

const SECRET = 'a shared secret, of thirty-two bytes or more';

test('an issuer is registered by a secret from stdin, shown, changed to keys from a file, listed and deleted', async () => {
  const args = ['create', '--issuer', 'nightly-jobs', '--no-audience', '--secret', '--scope', 'read', '--json'];
  const made = await run(args, `${SECRET}\n`);
  expect([made.code, made.stderr]).toEqual([0, '']);
  const issuer = JSON.parse(made.stdout);
  expect(issuer).toMatchObject({ issuer: 'nightly-jobs', audience: null, has_secret: true, algorithms: ['HS256'] });
  expect(made.stdout).not.toContain(SECRET);

  const shown = await run(['get', issuer.id]);
  expect(shown.stdout).toMatch(/issuer +nightly-jobs\n/);
  expect(shown.stdout).toMatch(/keys +a secret\n/);

  const file = join(newDataDir(), 'jwks.json');
  const jwk = { ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }), kid: 'a' };
  writeFileSync(file, JSON.stringify({ keys: [jwk] }));
  const changed = await run([
    'update',
    issuer.id,
    '--jwks-file',
    file,
    '--audience',
    'jobs',
    '--scope',
    'write',
    '--json',
  ]);
  expect([changed.code, changed.stderr]).toEqual([0, '']);
  expect(JSON.parse(changed.stdout)).toMatchObject({ has_secret: false, jwks: { keys: [jwk] }, scopes: ['write'] });

  const listed = await run(['list', '--json']);
  expect(JSON.parse(listed.stdout).data.map(({ id }: { id: string }) => id)).toEqual([issuer.id]);
  expect((await run(['delete', issuer.id, '--yes'])).code).toBe(0);
  expect(JSON.parse((await run(['list', '--json'])).stdout).data).toEqual([]);
});

test('what cannot be meant is refused before anything is asked; what the server refuses is told in its words', async () => {
  const wrong: [string[], RegExp][] = [
    [['create', '--issuer', 'x', '--audience', 'y', '--no-audience', '--scope', 'read'], /exclude each other/],
    [
      ['create', '--issuer', 'x', '--audience', 'y', '--secret', '--jwks-uri', 'https://x.example/'],
      /exclude one another/,
    ],
    [['update', 'iss_000000000000000000000000'], /nothing to change/],
    [['get', 'key_000000000000000000000000'], /iss_…/],
    [['create', '--issuer', 'x', '--audience', 'y', '--jwks-file', '/nowhere/jwks.json'], /cannot be read/],
    [['create', '--issuer', 'x', '--secret', SECRET], /./],
  ];
  for (const [args, message] of wrong) {
    const { code, stdout, stderr } = await run(args, '');
    expect([args, code, stdout]).toEqual([args, 2, '']);
    expect(stderr).toMatch(message);
  }
  const short = await run(['create', '--issuer', 'x', '--no-audience', '--secret', '--scope', 'read'], 'too short');
  expect([short.code, short.stderr]).toEqual([expect.any(Number), expect.stringContaining('32 bytes')]);
  expect(short.code).not.toBe(0);
});
