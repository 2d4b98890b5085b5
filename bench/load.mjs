import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { pinnedTo } from './machine.mjs';

const run = promisify(execFile);

const MS_PER = { us: 0.001, ms: 1, s: 1000 };

function toMs(text) {
  const [, value, unit] = /^([\d.]+)(us|ms|s)$/.exec(text) ?? [];
  return Number((Number(value) * MS_PER[unit]).toFixed(3));
}

function parse(output) {
  const at = (percent) => toMs(new RegExp(`^\\s+${percent}%\\s+(\\S+)`, 'm').exec(output)?.[1] ?? '');
  const failed = Number(/Non-2xx or 3xx responses: (\d+)/.exec(output)?.[1] ?? 0);
  const errors = /Socket errors: .*/.exec(output)?.[0];
  if (failed > 0 || errors) throw new Error(`the load met refusals: ${failed} replies not 2xx. ${errors ?? ''}`);
  return {
    requests_per_second: Math.round(Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1])),
    p50_ms: at(50),
    p99_ms: at(99),
  };
}

/** One round of load from the other core, loopback only; throws when a reply was not a success. */
export async function loadOnce({ url, headers = {}, script, args = [], seconds, connections }) {
  const flags = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const lua = script ? ['-s', fileURLToPath(new URL(`lua/${script}.lua`, import.meta.url))] : [];
  const wrk = ['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '--latency', ...flags, ...lua];
  const [command, ...rest] = [...pinnedTo(1), ...wrk, url, ...(script ? ['--', ...args] : [])];
  const { stdout } = await run(command, rest);
  return parse(stdout);
}

/** One round of whole flows from the other core; throws when one did not end in tokens. */
export async function flowOnce({ flows, seconds, connections }) {
  const script = fileURLToPath(new URL('flows.mjs', import.meta.url));
  const load = JSON.stringify({ ...flows, seconds, inFlight: connections });
  const [command, ...rest] = [...pinnedTo(1), process.execPath, script, load];
  return JSON.parse((await run(command, rest)).stdout);
}

export function median(rounds) {
  const sorted = [...rounds].sort((a, b) => a.requests_per_second - b.requests_per_second);
  const middle = sorted[Math.floor(sorted.length / 2)];
  const p99s = rounds.map(({ p99_ms }) => p99_ms).sort((a, b) => a - b);
  return { ...middle, p99_ms: p99s[Math.floor(p99s.length / 2)] };
}
