import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readBlocks } from '../docs/documents.ts';
import { temporaryFolder } from '../harness.ts';
import { repository, startProgram, stopPrograms } from '../running/program.ts';

const folder = temporaryFolder();
const [clone, tarballs, empty] = ['clone', 'tarballs', 'empty'].map((name) => join(folder, name)) as [
  string,
  string,
  string,
];
const { PATH = '', HOME = '' } = process.env;

/** The machine's own settings of npm and its network, but nothing that the npm around this test says of its project. */
const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:npm|LATCHKEY|NODE_ENV)/.test(name))),
  PATH: [dirname(process.execPath), PATH].join(delimiter),
  HOME,
};
const run = (command: string, args: readonly string[], cwd: string) =>
  promisify(execFile)(command, args, { cwd, env, timeout: 100_000 });

/** A clone of its own: packing builds, and other tests run what is built here. */
function copyClone(): void {
  mkdirSync(clone);
  for (const name of ['package.json', 'tsconfig.base.json', '.npmrc', 'LICENSE', 'scripts', 'protocol', 'server']) {
    const isSource = (path: string) => !/\/(?:node_modules|dist)(?:\/|$)/.test(path);
    cpSync(join(repository, name), join(clone, name), { recursive: true, filter: isSource });
  }
  symlinkSync(join(repository, 'node_modules'), join(clone, 'node_modules'));
}

beforeAll(async () => {
  copyClone();
  mkdirSync(tarballs);
  await run('npm', ['pack', '-w', 'protocol', '-w', 'server', '--pack-destination', tarballs], clone);
  mkdirSync(empty);
  writeFileSync(join(empty, 'package.json'), '{"private":true,"type":"module"}');
  const files = readdirSync(tarballs).map((name) => join(tarballs, name));
  expect(files).toHaveLength(2);
  const quick = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
  await run('npm', ['install', ...quick, ...files], empty);
});
afterAll(async () => {
  await stopPrograms();
  rmSync(folder, { recursive: true, force: true });
});

const installed = (name: string) => join(empty, 'node_modules', name);
const filesOf = (name: string) =>
  readdirSync(installed(name), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/node_modules/.test(entry.parentPath.slice(installed(name).length)))
    .map((entry) => join(entry.parentPath, entry.name).slice(installed(name).length + 1))
    .sort();

describe('the packages in an empty folder', () => {
  test('hold what is run and read, and no sources or tests', () => {
    const server = filesOf('latchkey');
    const needed = [
      'LICENSE',
      'README.md',
      'bin/latchkey.js',
      'dist/main.js',
      'dist/wal-checkpoint-worker.js',
      'dist/slow-hash-worker.js',
    ];
    expect(server).toEqual(expect.arrayContaining([...needed, 'dist/assets/tokens.css', 'package.json']));
    for (const path of server) {
      expect(path).toMatch(
        /^(?:LICENSE|README\.md|package\.json|bin\/latchkey\.js|dist\/[a-z0-9-]+\.js|dist\/assets\/[a-z-]+\.(?:css|js|svg))$/,
      );
    }
    const protocol = filesOf('@latchkey/protocol');
    expect(protocol).toEqual(
      expect.arrayContaining(['LICENSE', 'README.md', 'dist/index.js', 'dist/index.d.ts', 'package.json']),
    );
    for (const path of protocol) {
      expect(path).toMatch(
        /^(?:LICENSE|README\.md|package\.json|dist\/[a-z0-9-]+\.(?:js|d\.ts)|vectors\/[a-z0-9-]+\.json)$/,
      );
    }
    for (const name of ['latchkey', '@latchkey/protocol']) {
      expect(readFileSync(join(installed(name), 'LICENSE'), 'utf8')).toBe(
        readFileSync(join(repository, 'LICENSE'), 'utf8'),
      );
    }
  });

  test('`npx latchkey serve` starts, answers and stops', async () => {
    const command = ['npx', '--no', '--prefix', empty, 'latchkey', 'serve', '--json'];
    const program = await startProgram({ command, env: { PATH: env.PATH } });
    const reply = await program.call('/v1/auth/verify');
    expect([reply.status, reply.json.authenticated]).toEqual([200, true]);
    expect((await program.call('/openapi.json')).json.info.version).toBe('0.1.0');
    // A signal to npx itself ends npx and its shell, and never reaches the program.
    const { pid } = JSON.parse(readFileSync(join(program.dataDir, 'latchkey.sqlite.serving.json'), 'utf8'));
    process.kill(pid, 'SIGTERM');
    expect((await program.exited).code).toBe(0);
    expect(program.stdout()).toBe(`${JSON.stringify(program.ready)}\n`);
  });

  test('the example of the protocol’s README is right', async () => {
    const [fence] = readBlocks(readFileSync(join(installed('@latchkey/protocol'), 'README.md'), 'utf8')).fences;
    const lines = (fence?.text ?? '').split('\n');
    const calls = lines.flatMap((line) => {
      const [, call, answer] = /^(read.*); \/\/ '(\w+)'/.exec(line) ?? [];
      return call && answer ? [{ call, answer }] : [];
    });
    expect(calls.map(({ answer }) => answer)).toEqual(['secret_test', 'malformed']);
    const script = `${lines[0]}\nconsole.log(JSON.stringify([${calls.map(({ call }) => call)}]));`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], empty);
    expect(JSON.parse(stdout)).toEqual(calls.map(({ answer }) => answer));
    const vectors =
      "import v from '@latchkey/protocol/vectors/crc32.json' with { type: 'json' }; console.log(typeof v);";
    expect((await run(process.execPath, ['--input-type=module', '-e', vectors], empty)).stdout).toBe('object\n');
  });

  test('an old Node gets a sentence', async () => {
    // What Node 20 says of itself; the rest of the file is in words that Node 20 has.
    const old = join(folder, 'old.cjs');
    writeFileSync(
      old,
      "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.19.5' } });",
    );
    const bin = join(installed('latchkey'), 'bin/latchkey.js');
    const refused = await run(process.execPath, ['-r', old, bin, 'serve'], folder).catch((error) => error);
    expect([refused.code, refused.stdout, refused.stderr]).toEqual([
      1,
      '',
      'latchkey: needs Node 24.15 or newer; this is 20.19.5. In a clone, `npm start` brings its own.\n',
    ]);
  });
});
