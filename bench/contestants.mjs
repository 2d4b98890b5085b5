import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { pinnedTo } from './machine.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

async function freePort() {
  const probe = createServer();
  await new Promise((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** Starts a server pinned to core 0; resolves with its first line of output, parsed, and the time that it took. */
async function start(args, env) {
  const [command, ...rest] = [...pinnedTo(0), process.execPath, ...args];
  const began = process.hrtime.bigint();
  const child = spawn(command, rest, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] });
  const line = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', (code) => reject(new Error(`${args[0]} ended with ${code} before it was ready`)));
  });
  const stop = () =>
    new Promise((resolve) => {
      child.once('exit', resolve);
      child.kill('SIGTERM');
    });
  return { pid: child.pid, ready: JSON.parse(line), began, stop };
}

async function simple(script) {
  const port = await freePort();
  const server = await start([here(script)], { PORT: String(port) });
  return { ...server, url: `http://127.0.0.1:${port}`, headers: {} };
}

/** The whole server on SQLite, in a folder of its own. A second start in the same folder is an ordinary one. */
async function latchkey(dataDir) {
  const env = { PORT: String(await freePort()), LATCHKEY_DATA_DIR: dataDir, LATCHKEY_LOG_LEVEL: 'warn' };
  const server = await start([here('../server/bin/latchkey.js'), 'serve', '--json'], env);
  return { ...server, url: server.ready.url.replace('localhost', '127.0.0.1') };
}

export const CONTESTANTS = {
  'node:http': { open: () => simple('servers/node-http.mjs'), path: '/' },
  Fastify: { open: () => simple('servers/fastify.mjs'), path: '/' },
};

/** Latchkey started once for its first key, then again as on any other day. */
export async function openLatchkey() {
  const dataDir = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
  const first = await latchkey(dataDir);
  const key = first.ready.test_key;
  await first.stop();
  const server = await latchkey(dataDir);
  const stop = async () => {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
  return { ...server, stop, dataDir, headers: { Authorization: `Bearer ${key}` } };
}
