// Makes a clone ready to run, with Node >= 20 and npm alone: installs what is missing, builds what changed.
// All output goes to stderr, so that stdout stays the server's (`npm start -- --json` prints one line there).
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');

const modifiedMs = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

function newestMs(folder) {
  let newest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) newest = Math.max(newest, modifiedMs(join(entry.parentPath ?? entry.path, entry.name)));
  }
  return newest;
}

function run(command, args, failure) {
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (result.status === 0) return;
  process.stderr.write(`latchkey: ${failure}\n`);
  process.exit(result.status ?? 1);
}

function needsWritable(folder) {
  try {
    accessSync(folder, constants.W_OK);
  } catch {
    process.stderr.write(
      `latchkey: ${folder} cannot be written by this user. Run this once as its owner, or clone into a folder of your own.\n`,
    );
    process.exit(1);
  }
}

const installed = modifiedMs(join(modules, '.package-lock.json'));
if (installed === 0 || installed < modifiedMs(join(root, 'package-lock.json'))) {
  needsWritable(root);
  process.stderr.write('latchkey: installing dependencies (once)\n');
  run(
    'npm',
    ['ci', '--loglevel=error'],
    '`npm ci` failed; its output above says why. It needs the npm registry and a writable folder.',
  );
}

const sources = ['protocol/src', 'server/src'].map((folder) => newestMs(join(root, folder)));
const wanted = Math.max(...sources, modifiedMs(join(root, 'scripts', 'bundle.mjs')));
if (modifiedMs(join(root, 'server', 'dist', 'main.js')) < wanted) {
  needsWritable(join(root, 'server'));
  process.stderr.write('latchkey: building\n');
  run(join(modules, '.bin', 'node'), ['scripts/bundle.mjs'], 'the build failed; its errors are above.');
}
