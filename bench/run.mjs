// npm run bench [-- --only NAME] [-- --json] [-- --seconds N] [-- --rounds N]
// Servers on one core, load on the other; every number of a table comes from one run, so its ratios may be compared.
import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { CONTESTANTS, openLatchkey } from './contestants.mjs';
import { loadOnce, median } from './load.mjs';
import { describeMachine, describeVersions, needWrk, residentBytes } from './machine.mjs';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
  },
});
const seconds = Number(options.seconds);
const roundCount = Number(options.rounds);
const connections = 32;

const CEILING = 'bare Fastify route';
const ROWS = [
  { name: 'bare node:http', server: 'node:http', path: '/' },
  { name: CEILING, server: 'Fastify', path: '/' },
  { name: 'GET /v1/auth/verify', server: 'Latchkey', path: '/v1/auth/verify', ratioTo: CEILING },
  { name: 'GET /v1/projects', server: 'Latchkey', path: '/v1/projects', ratioTo: CEILING },
];

const open = (server) => (server === 'Latchkey' ? openLatchkey() : CONTESTANTS[server].open());

async function answers(url, headers) {
  for (;;) {
    try {
      const response = await fetch(url, { headers });
      await response.arrayBuffer();
      if (response.ok) return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

/** From spawn to the first good answer, and what it weighs then; the median of some starts. */
async function measureStart(server, path) {
  const samples = [];
  for (let round = 0; round < roundCount; round += 1) {
    const running = await open(server);
    await answers(running.url + path, running.headers);
    const startMs = Number(process.hrtime.bigint() - running.began) / 1e6;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    samples.push({ startMs, residentMib: residentBytes(running.pid) / 2 ** 20 });
    await running.stop();
  }
  const middle = (field) =>
    samples.map((sample) => sample[field]).sort((a, b) => a - b)[Math.floor(samples.length / 2)];
  return { start_ms: Math.round(middle('startMs')), resident_mib: Math.round(middle('residentMib')) };
}

/** Rounds are interleaved over the rows, so that a slow moment of the machine falls on all of them. */
async function measureLoad(rows) {
  const running = new Map();
  for (const { server } of rows) if (!running.has(server)) running.set(server, await open(server));
  const rounds = new Map(rows.map((row) => [row.name, []]));
  try {
    for (const row of rows) await loadRow(row, running.get(row.server), 1);
    for (let round = 0; round < roundCount; round += 1) {
      for (const row of rows) rounds.get(row.name).push(await loadRow(row, running.get(row.server), seconds));
    }
  } finally {
    for (const server of running.values()) await server.stop();
  }
  return rows.map((row) => ({ name: row.name, ...median(rounds.get(row.name)) }));
}

function loadRow({ path }, server, lengthSeconds) {
  return loadOnce({ url: server.url + path, headers: server.headers, seconds: lengthSeconds, connections });
}

function withRatios(measured) {
  const byName = new Map(measured.map((row) => [row.name, row]));
  return measured.map((row) => {
    const to = ROWS.find(({ name }) => name === row.name)?.ratioTo;
    const base = to && byName.get(to)?.requests_per_second;
    return base ? { ...row, ratio: Number((row.requests_per_second / base).toFixed(2)), ratio_to: to } : row;
  });
}

function table({ rows, starts, machine, versions }) {
  const lines = [
    `${machine.cpu}, ${machine.memory_gib} GiB, ${machine.kernel}, Node ${versions.node}, Fastify ${versions.fastify}.`,
    `${connections} connections, ${roundCount} rounds of ${seconds} s, medians${machine.pinned ? ', server and load each on its own core' : ''}.`,
    '',
    '| row | requests/s | p50 ms | p99 ms | ratio |',
    '| --- | --: | --: | --: | --- |',
    ...rows.map(
      ({ name, requests_per_second: rate, p50_ms: p50, p99_ms: p99, ratio, ratio_to: to }) =>
        `| ${name} | ${rate} | ${p50} | ${p99} | ${ratio ? `${ratio} of ${to}` : ''} |`,
    ),
    '',
    '| server | start to first answer, ms | resident memory, MiB |',
    '| --- | --: | --: |',
    ...starts.map(({ name, start_ms: start, resident_mib: mib }) => `| ${name} | ${start} | ${mib} |`),
  ];
  return `${lines.join('\n')}\n`;
}

needWrk();
const wanted = options.only ? ROWS.filter(({ name, ratioTo }) => name.includes(options.only) || ratioTo) : ROWS;
const rows = options.only
  ? ROWS.filter(({ name }) => name.includes(options.only) || wanted.some(({ ratioTo }) => ratioTo === name))
  : ROWS;
const starts = [];
if (!options.only) {
  for (const [name, path] of [
    ['Fastify', '/'],
    ['Latchkey', '/v1/auth/verify'],
  ]) {
    starts.push({ name, ...(await measureStart(name, path)) });
  }
}
const result = {
  machine: describeMachine(),
  versions: describeVersions(),
  rows: withRatios(await measureLoad(rows)),
  starts,
};
if (!options.only) {
  mkdirSync(new URL('results/', import.meta.url), { recursive: true });
  writeFileSync(new URL('results/latest.json', import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
}
process.stdout.write(options.json ? `${JSON.stringify(result)}\n` : table(result));
