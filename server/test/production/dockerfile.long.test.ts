import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, globSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../harness.ts';
import { repository, runProgram, startProgram, stopPrograms } from '../running/program.ts';
import { unprivilegedUser } from '../services/unprivileged-user.ts';
import { environmentOf, type Instruction, readDockerfile, type Stage, wordsOf } from './dockerfile.ts';

// No container engine is asked for: the instructions of deploy/Dockerfile are followed one by one, each stage in a folder
// of its own in the place of its root. What is not seen here: the base image, and what the kernel isolates.

const stages = readDockerfile(join(repository, 'deploy/Dockerfile'));
const folder = temporaryFolder();
const user = unprivilegedUser();
const rootOf = (alias: string) => join(folder, alias || 'image');
const image = rootOf('');

/** The network's and npm's own settings of this machine, and this Node first on PATH, as in the base image. */
const machine = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(?:npm|LATCHKEY|NODE_ENV)/.test(name)),
);
const env = {
  ...machine,
  PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
  npm_config_prefer_offline: 'true',
  npm_config_audit: 'false',
};

const isIgnored = (path: string) =>
  /\.test\.ts$|(?:^|\/)(?:node_modules|dist)(?:\/|$)/.test(path.slice(repository.length));

function copy(text: string, root: string, workdir: string): void {
  const words = text.split(/ +/);
  const [, from] = /^--from=(\S+)$/.exec(words[0] ?? '') ?? [];
  const sources = words.slice(from ? 1 : 0, -1);
  const target = join(root, workdir, words.at(-1) ?? '');
  for (const source of sources) {
    const path = from ? join(rootOf(from), source) : join(repository, source);
    const isFolder = statSync(path).isDirectory();
    // COPY puts a file into a folder that ends in a slash, and the contents of a folder into a folder.
    const to = isFolder ? target : join(target, source.slice(source.lastIndexOf('/') + 1));
    const filter = from ? () => true : (each: string) => !isIgnored(each);
    cpSync(path, to, { recursive: true, filter, verbatimSymlinks: true });
  }
}

function run(text: string, root: string, workdir: string): void {
  const own = user ?? { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const here = text
    .replace(/-o node -g node/, `-o ${own.uid} -g ${own.gid}`)
    .replaceAll(/ (\/\w+)/g, (_, path) => ` ${join(root, path)}`);
  execFileSync('sh', ['-euc', here], { cwd: join(root, workdir), env, stdio: ['ignore', 'ignore', 'pipe'] });
}

const workdirs = new Map<string, string>();

function follow({ image: base, alias, instructions }: Stage): void {
  const root = rootOf(alias);
  // A stage that goes on where another ended.
  let workdir = workdirs.get(base) ?? '/';
  if (workdirs.has(base)) cpSync(rootOf(base), root, { recursive: true, verbatimSymlinks: true });
  const deeds: Record<string, (text: string) => void> = {
    WORKDIR: (text) => {
      workdir = text;
      mkdirSync(join(root, workdir), { recursive: true });
    },
    COPY: (text) => copy(text, root, workdir),
    RUN: (text) => run(text, root, workdir),
  };
  for (const { name, text } of instructions) deeds[name]?.(text);
  workdirs.set(alias, workdir);
}

const last = stages.at(-1) as Stage;
const textOf = (wanted: Instruction['name']) => last.instructions.find(({ name }) => name === wanted)?.text ?? '';

beforeAll(() => {
  chmodSync(folder, 0o755);
  for (const stage of stages) follow(stage);
  execFileSync('chmod', ['-R', 'a-w', join(image, 'app')]);
}, 280_000);
afterAll(async () => {
  await stopPrograms();
  execFileSync('chmod', ['-R', 'u+w', image]);
  rmSync(folder, { recursive: true, force: true });
});

/** ENTRYPOINT and words behind it, by a user who is not root, with nothing of this process's environment. */
function command(words: readonly string[]): string[] {
  const [node, ...rest] = [...wordsOf(textOf('ENTRYPOINT')), ...words];
  const program = [node === 'node' ? process.execPath : (node ?? ''), ...rest];
  const drop = ['setpriv', `--reuid=${user?.uid}`, `--regid=${user?.gid}`, '--clear-groups'];
  const confined = user ? [...drop, '--no-new-privs', '--bounding-set=-all', '--', ...program] : program;
  return ['sh', '-euc', 'cd "$0" && exec "$@"', join(image, 'app'), ...confined];
}

test('the image holds what production runs, and nothing to build or test with', () => {
  const found = globSync('**/*', { cwd: join(image, 'app'), exclude: (name) => name === 'node_modules' });
  const own = found.filter((path) => !path.startsWith('node_modules'));
  const built = /^server\/dist\/(?:[a-z0-9-]+\.js|assets(?:\/[a-z-]+\.(?:css|js|svg))?)$/;
  expect(own.filter((path) => !built.test(path)).sort()).toEqual([
    'LICENSE',
    'server',
    'server/bin',
    'server/bin/latchkey.js',
    'server/dist',
    'server/package.json',
  ]);
  for (const name of ['main.js', 'wal-checkpoint-worker.js', 'slow-hash-worker.js', 'assets/tokens.css']) {
    expect(own).toContain(`server/dist/${name}`);
  }
  for (const name of ['vitest', 'typescript', '@biomejs', 'rolldown', 'node']) {
    expect([name, existsSync(join(image, 'app/node_modules', name))]).toEqual([name, false]);
  }
  expect(existsSync(join(image, 'app/node_modules/fastify'))).toBe(true);
});

test('its command starts in production as a user who can write to /data alone, and stops cleanly', async () => {
  const generated = await runProgram(['secrets', 'generate']);
  const secrets = Object.fromEntries(
    generated.stdout
      .trim()
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  const { LATCHKEY_DATA_DIR = '', ...given } = environmentOf(last);
  const dataDir = join(image, LATCHKEY_DATA_DIR);
  const settings = { ...given, HOST: '127.0.0.1', PORT: '0', LATCHKEY_ISSUER: 'https://auth.example.com', ...secrets };
  const program = await startProgram({
    command: command([...wordsOf(textOf('CMD')), '--json']),
    dataDir,
    env: settings,
  });
  const { url } = program.ready;
  expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({ status: 'ready' });
  const authorization = `Bearer ${secrets.LATCHKEY_ROOT_KEY}`;
  const headers = { authorization, 'content-type': 'application/json' };
  const made = await fetch(`${url}/v1/workspaces`, { method: 'POST', headers, body: '{"name":"Acme"}' });
  expect(made.status).toBe(201);
  expect(statSync(join(dataDir, 'latchkey.sqlite')).uid).toBe(user?.uid ?? process.getuid?.());
  expect((await program.end('SIGTERM')).code).toBe(0);
  expect(program.stderr()).not.toMatch(/EACCES|EROFS|"level":[56]0/);
});

test('that user can write nowhere in the program', () => {
  const [node, entry] = wordsOf(textOf('ENTRYPOINT'));
  expect([node, entry]).toEqual(['node', 'server/bin/latchkey.js']);
  for (const path of ['server/dist/main.js', 'server/new', 'node_modules/new']) {
    const script = `require('node:fs').appendFileSync(${JSON.stringify(path)}, 'x')`;
    const [shell = '', ...args] = command([]).map((word) => (word === 'server/bin/latchkey.js' ? '-e' : word));
    const tried = spawnSync(shell, [...args, script], { env: { PATH: process.env.PATH }, encoding: 'utf8' });
    // Root is not asked to: it may write to what it made.
    expect([path, tried.status, tried.stderr]).toEqual([path, 1, expect.stringContaining('EACCES')]);
  }
});
