import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mintSecret } from '@latchkey/protocol';
import { afterEach, expect, test } from 'vitest';
import { pooledRandom } from '../../src/crypto/index.ts';
import { type Finding, scanGit } from '../../src/scan/index.ts';

const randomBytes = pooledRandom();
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function repository() {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-git-'));
  folders.push(folder);
  const names = { GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@example.com' };
  const env = { ...process.env, ...names, GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@example.com' };
  const git = (...args: string[]) => execFileSync('git', args, { cwd: folder, env, encoding: 'utf8' }).trim();
  git('init', '-q', '-b', 'main');
  const commit = (message: string, files: Record<string, string | Buffer | null>) => {
    for (const [name, content] of Object.entries(files)) {
      if (content === null) git('rm', '-q', '--', name);
      else writeFileSync(join(folder, name), content);
    }
    git('add', '-A');
    git('commit', '-q', '--allow-empty', '-m', message);
    return git('rev-parse', 'HEAD');
  };
  return { folder, git, commit };
}

async function scan(folder: string) {
  const findings: Finding[] = [];
  const report = await scanGit(folder, { environment: process.env, onFound: (finding) => findings.push(finding) });
  return { report, findings };
}

test('a secret that was deleted later is found, in the commit that brought it', async () => {
  const { folder, commit } = repository();
  const secret = mintSecret('secret_live', randomBytes);
  commit('first', { 'readme.md': 'hello' });
  const culprit = commit('second', { 'app.env': `A=1\nKEY=${secret}\n` });
  commit('third', { 'app.env': null });
  commit('fourth', { 'readme.md': 'hello again' });
  const { report, findings } = await scan(folder);
  expect(findings).toEqual([
    expect.objectContaining({ commit: culprit, path: 'app.env', line: 2, column: 5, in: 'content' }),
  ]);
  expect(report.scanned).toBe(3 + 4);
});

test('each version of a file is told once, however many commits hold it', async () => {
  const { folder, commit } = repository();
  const [one, two] = [mintSecret('root', randomBytes), mintSecret('access_token', randomBytes)];
  const first = commit('first', { a: one });
  commit('between', { b: 'nothing' });
  const second = commit('second', { a: `${one}\n${two}` });
  commit('copy', { c: `${one}\n${two}` });
  const { findings } = await scan(folder);
  expect(findings.map(({ commit: of, kind }) => [of, kind])).toEqual([
    [first, 'root'],
    [second, 'root'],
    [second, 'access_token'],
  ]);
});

test('messages, tags, names, other branches and stashes are history too', async () => {
  const { folder, git, commit } = repository();
  const [inMessage, inTag, inName, onBranch, inStash] = Array.from({ length: 5 }, () =>
    mintSecret('restricted_test', randomBytes),
  );
  const message = commit(`oops ${inMessage}`, { a: 'x' });
  git('tag', '-a', 'v1', '-m', `released with ${inTag}`);
  const named = commit('named', { [`${inName}.txt`]: 'x' });
  git('checkout', '-q', '-b', 'side');
  const side = commit('side', { b: onBranch ?? '' });
  git('checkout', '-q', 'main');
  writeFileSync(join(folder, 'a'), inStash ?? '');
  git('stash', '-q');
  const { findings } = await scan(folder);
  const places = findings.map(({ in: where, path, commit: of }) => [where, path, of]);
  expect(places).toEqual(
    expect.arrayContaining([
      ['message', null, message],
      ['tag', 'v1', null],
      ['name', './', named],
      ['content', 'b', side],
      ['content', 'a', expect.stringMatching(/^[0-9a-f]{40}$/)],
    ]),
  );
  expect(places.length).toBe(5);
});

test('large and odd blobs come through whole', async () => {
  const { folder, commit } = repository();
  const secret = mintSecret('client_secret', randomBytes);
  const big = Buffer.concat([Buffer.alloc(3_000_000, 'x\n'), Buffer.from(secret), Buffer.alloc(100_000)]);
  commit('big', { big, empty: '', 'with space\n': 'odd', text: 'abc blob 3\n\n\n' });
  const { findings, report } = await scan(folder);
  expect(findings).toEqual([expect.objectContaining({ path: 'big', line: 1_500_001, column: 1 })]);
  expect(report.unreadable).toBe(0);
});

test('a repository without commits is empty; what is no repository is refused in git’s words', async () => {
  const { folder } = repository();
  expect((await scan(folder)).report).toEqual({ scanned: 0, bytes: 0, unreadable: 0 });
  const plain = mkdtempSync(join(tmpdir(), 'latchkey-nogit-'));
  folders.push(plain);
  await expect(scan(plain)).rejects.toThrow(/not a git repository/);
});

test('a repository whose settings name a program to fetch with does not get it started', async () => {
  const { folder, git, commit } = repository();
  commit('first', { a: 'x' });
  const blob = git('rev-parse', 'HEAD:a');
  rmSync(join(folder, '.git/objects', blob.slice(0, 2), blob.slice(2)));
  const mark = join(folder, 'started');
  git('config', 'core.repositoryFormatVersion', '1');
  git('config', 'extensions.partialClone', 'origin');
  git('config', 'protocol.allow', 'always');
  git('config', 'remote.origin.promisor', 'true');
  git('config', 'remote.origin.url', folder);
  git('config', 'remote.origin.uploadpack', `touch ${mark}; false`);
  await expect(scan(folder)).rejects.toThrow(/objects are missing here, and a scan fetches nothing/);
  expect(existsSync(mark)).toBe(false);
});

test('what a replacement hides is scanned all the same', async () => {
  const { folder, git, commit } = repository();
  const secret = mintSecret('secret_live', randomBytes);
  commit('first', { a: secret });
  writeFileSync(join(folder, 'a'), 'nothing');
  git('replace', git('rev-parse', 'HEAD:a'), git('hash-object', '-w', 'a'));
  expect((await scan(folder)).findings).toEqual([expect.objectContaining({ path: 'a', in: 'content' })]);
});

test('a name that ends a line elsewhere ends none here', async () => {
  const { folder, commit } = repository();
  const secret = mintSecret('secret_live', randomBytes);
  const culprit = commit('first', { 'a\rb': 'x', 'c\u2028HEAD': 'y', 'd\u2029zzz': secret });
  expect((await scan(folder)).findings).toEqual([
    expect.objectContaining({ commit: culprit, path: 'd\u2029zzz', in: 'content' }),
  ]);
});
