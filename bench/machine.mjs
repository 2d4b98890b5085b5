import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';

function has(binary) {
  return spawnSync('sh', ['-c', `command -v ${binary}`]).status === 0;
}

/** wrk makes the load; installed on Debian when root, else named. */
export function needWrk() {
  if (has('wrk')) return;
  if (process.getuid?.() === 0 && has('apt-get')) {
    spawnSync('sh', ['-c', 'apt-get update -qq && apt-get install -y -qq wrk'], { stdio: ['ignore', 2, 2] });
    if (has('wrk')) return;
  }
  throw new Error('wrk is needed: run `apt-get install wrk` (Debian) or `brew install wrk`');
}

/** The command that keeps a process on one core; nothing where the system cannot. */
export function pinnedTo(core) {
  return cpus().length > 1 && has('taskset') ? ['taskset', '-c', String(core)] : [];
}

/** Keeps this process off the servers' core: it makes load too. */
export function stayOn(core) {
  const [command, flag] = pinnedTo(core);
  if (command) spawnSync(command, [`-p${flag.slice(1)}`, String(core), String(process.pid)]);
}

export function describeMachine() {
  const model = cpus()[0]?.model ?? 'unknown';
  return {
    cpu: `${cpus().length} x ${model}`,
    memory_gib: Math.round(totalmem() / 2 ** 30),
    kernel: execFileSync('uname', ['-sr']).toString().trim(),
    pinned: pinnedTo(0).length > 0,
  };
}

export function describeVersions() {
  const version = (path) => {
    const url = new URL(path, import.meta.url);
    return existsSync(url) ? JSON.parse(readFileSync(url, 'utf8')).version : null;
  };
  return {
    node: process.versions.node,
    fastify: version('../node_modules/fastify/package.json'),
    better_auth: version('node_modules/better-auth/package.json'),
    oidc_provider: version('node_modules/oidc-provider/package.json'),
    latchkey: version('../server/package.json'),
  };
}

/** Resident memory of a process in bytes (Linux). */
export function residentBytes(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
}
