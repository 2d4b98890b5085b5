import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { mintSecret, secretHint } from '@latchkey/protocol';
import { afterEach, expect, test } from 'vitest';
import { pooledRandom, sha256Hex } from '../../src/crypto/index.ts';
import { type Finding, parseAllowlist, type ScanTreeOptions, scanStream, scanTree } from '../../src/scan/index.ts';

const randomBytes = pooledRandom();
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const secret = mintSecret('secret_live', randomBytes);

/** A folder with these files. */
function tree(files: Record<string, string | Buffer>): string {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-scan-'));
  folders.push(folder);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

async function scan(roots: string[], options: Partial<ScanTreeOptions> = {}) {
  const findings: Finding[] = [];
  const unreadable: [string, string][] = [];
  const report = await scanTree(roots, {
    onFound: (finding) => findings.push(finding),
    onUnreadable: (path, code) => unreadable.push([path, code]),
    ...options,
  });
  return { report, findings, unreadable };
}

const placesOf = (folder: string, findings: Finding[]) =>
  findings.map(({ path, line, column }) => `${path?.slice(folder.length + 1)}:${line}:${column}`);

test('a finding says where and what, and not the secret', async () => {
  const folder = tree({ 'src/app.ts': `// ok\n  const key = '${secret}';\n` });
  const { report, findings } = await scan([folder]);
  expect(findings).toEqual([
    {
      kind: 'secret_live',
      hint: secretHint(secret),
      sha256: sha256Hex(secret),
      in: 'content',
      path: join(folder, 'src/app.ts'),
      line: 2,
      column: 16,
      commit: null,
    },
  ]);
  expect(JSON.stringify(findings)).not.toContain(secret.slice(8, 40));
  expect(report).toEqual({ scanned: 1, bytes: 6 + 15 + secret.length + 3, unreadable: 0 });
});

test('files of every sort are looked into: binary, hidden, UTF-16, a second one of the same', async () => {
  const folder = tree({
    '.env': `KEY=${secret}`,
    'a.bin': Buffer.concat([Buffer.from([0, 255, 1, 2]), Buffer.from(secret), Buffer.alloc(500)]),
    'deep/er/windows.txt': Buffer.from(`\ufeffkey\r\n${secret}\r\n`, 'utf16le'),
    'page.html': `<a href="/?q=key%3D${secret}%26x">`,
    'log.json': JSON.stringify({ log: `KEY=\n${secret}\n` }),
    '.git/config': `url = https://x:${secret}@example.com`,
    '.git/objects/ab/cdef': secret,
    '.gitignore': '*',
  });
  const { findings } = await scan([folder]);
  expect(placesOf(folder, findings)).toEqual([
    '.env:1:5',
    'a.bin:1:5',
    'log.json:1:15',
    'page.html:1:20',
    '.git/config:1:17',
    'deep/er/windows.txt:2:2',
  ]);
});

test('a secret in the name of a file is found, and the name is shown without it', async () => {
  const folder = tree({ [`dump-${secret}.txt`]: 'nothing' });
  const { findings } = await scan([folder]);
  expect(findings).toEqual([
    expect.objectContaining({ in: 'name', line: null, path: join(folder, 'dump-sk_live_[redacted].txt') }),
  ]);
});

test('a secret across the border of two reads is found, at every offset around it', async () => {
  const border = 1024 * 1024;
  for (const offset of [0, 1, 7, 8, 27, 53, 54]) {
    const folder = tree({ big: Buffer.concat([Buffer.alloc(border - offset, 10), Buffer.from(`${secret}\n`)]) });
    const { findings } = await scan([folder]);
    expect(placesOf(folder, findings)).toEqual([`big:${border - offset + 1}:1`]);
  }
});

test('links are not followed inside, nor pipes waited for; what was named is', async () => {
  const outside = tree({ 'secret.txt': secret });
  const folder = tree({ 'plain.txt': 'nothing' });
  symlinkSync(join(outside, 'secret.txt'), join(folder, 'link.txt'));
  symlinkSync(outside, join(folder, 'folder'));
  symlinkSync(folder, join(folder, 'circle'));
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  const { report, findings, unreadable } = await scan([folder]);
  expect([report.scanned, findings, unreadable]).toEqual([1, [], []]);
  const named = await scan([join(folder, 'link.txt'), join(folder, 'folder')]);
  expect(named.findings.map(({ path }) => path)).toEqual([
    join(folder, 'link.txt'),
    join(folder, 'folder', 'secret.txt'),
  ]);
});

test('what cannot be read is told and counted, and the rest is scanned', async () => {
  const folder = tree({ 'open.txt': secret });
  const { report, findings, unreadable } = await scan([join(folder, 'gone'), folder]);
  expect([report.unreadable, findings.length, unreadable]).toEqual([1, 1, [[join(folder, 'gone'), 'ENOENT']]]);
});

test('a folder that may not be entered is told; to root every folder is open', async () => {
  const folder = tree({ 'shut/secret.txt': secret });
  chmodSync(join(folder, 'shut'), 0o000);
  const { findings, unreadable } = await scan([folder]);
  if (process.getuid?.() === 0) expect(findings.length).toBe(1);
  else expect(unreadable).toEqual([[join(folder, 'shut'), 'EACCES']]);
  chmodSync(join(folder, 'shut'), 0o700);
});

test('excludes are globs: of names at any depth, or of paths', async () => {
  const folder = tree({
    'a.map': secret,
    'x/.cache/a.map': secret,
    'x/node_modules/y/z.js': secret,
    'dist/out.js': secret,
    'x/dist/out.js': secret,
    '.env': secret,
    keep: secret,
  });
  const excludes = ['*.map', 'node_modules', './dist/', '.env'];
  const { findings } = await scan([folder], { excludes });
  expect(placesOf(folder, findings)).toEqual(['keep:1:1', 'x/dist/out.js:1:1']);
  const deep = await scan([folder], { excludes: ['**/dist/**', '**/*.map', 'x/node_modules', '.*'] });
  expect(placesOf(folder, deep.findings)).toEqual(['keep:1:1']);
});

test('a stream is scanned like a file', async () => {
  const findings: Finding[] = [];
  const pieces = ['one\ntwo ', secret.slice(0, 20), secret.slice(20), '\n'];
  const report = await scanStream(Readable.from(pieces), (finding) => findings.push(finding));
  expect(findings).toEqual([expect.objectContaining({ path: '-', line: 2, column: 5, hint: secretHint(secret) })]);
  expect(report.bytes).toBe(pieces.join('').length);
});

test('an allow list holds digests and comments, and says which line is neither', () => {
  const digest = sha256Hex(secret);
  expect([...parseAllowlist(`# dead test keys\n${digest.toUpperCase()} # from the guide\n\n`)]).toEqual([digest]);
  expect(() => parseAllowlist(`${digest}\n${secret}\n`)).toThrow(/^line 2 is no SHA-256/);
  expect(() => parseAllowlist(secret)).not.toThrow(new RegExp(secret));
});

test('a large sparse file is read in bounded memory', async () => {
  const folder = tree({ sparse: '' });
  truncateSync(join(folder, 'sparse'), 256 * 1024 * 1024);
  const before = process.memoryUsage();
  const { report } = await scan([folder]);
  const after = process.memoryUsage();
  expect(report.bytes).toBe(256 * 1024 * 1024);
  expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(64 * 1024 * 1024);
});

test('a scan can be ended within a file', async () => {
  const folder = tree({ sparse: '' });
  truncateSync(join(folder, 'sparse'), 256 * 1024 * 1024);
  const interrupt = new AbortController();
  let bytes = 0;
  const onBytes = (count: number) => {
    bytes += count;
    interrupt.abort();
  };
  await expect(scan([folder], { onBytes, signal: interrupt.signal })).rejects.toThrow(/abort/);
  expect(bytes).toBeLessThan(64 * 1024 * 1024);
});
