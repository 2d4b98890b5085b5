// How fast `latchkey scan` reads: node bench/scan.mjs [megabytes]. Makes a tree of files of source text in the temporary
// folder, scans it with one process, and prints MB/s, the start of the program included. Seeded; nothing is asserted.
import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const megabytes = Number(process.argv[2] ?? 400);
const root = fileURLToPath(new URL('..', import.meta.url));
const latchkey = join(root, 'server/bin/latchkey.js');
const FILE_BYTES = [2_000, 6_000, 12_000, 30_000, 120_000];
let state = 42;
const next = (below) => {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
};

/** The project's own sources and documents, of which each file is a part. */
const texts = globSync(['{protocol,server}/{src,test}/**/*.ts', 'docs/**/*.md', 'package-lock.json'], { cwd: root });
const pool = Buffer.concat(texts.sort().map((path) => readFileSync(join(root, path))));

const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-scan-'));
try {
  let [bytes, files] = [0, 0];
  while (bytes < megabytes * 1e6) {
    const size = FILE_BYTES[next(FILE_BYTES.length)];
    const at = next(pool.length - size);
    const inner = join(folder, `d${files >> 8}`);
    mkdirSync(inner, { recursive: true });
    writeFileSync(join(inner, `f${files}.ts`), pool.subarray(at, at + size));
    bytes += size;
    files += 1;
  }
  console.log(`${files} files, ${(bytes / 1e6).toFixed(0)} MB`);
  for (let round = 1; round <= 3; round += 1) {
    const startedMs = performance.now();
    const { status, stderr } = spawnSync(process.execPath, [latchkey, 'scan', folder], { encoding: 'utf8' });
    const wallMs = performance.now() - startedMs;
    if (status !== 0) throw new Error(`latchkey scan ended with ${status}: ${stderr}`);
    const perSecond = (ms) => (bytes / 1e3 / ms).toFixed(0);
    console.log(`round ${round}: ${perSecond(wallMs)} MB/s (${(wallMs / 1000).toFixed(2)} s)`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
