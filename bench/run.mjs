// npm run bench [-- --only NAME] [-- --json] [-- --seconds N] [-- --rounds N]
// Servers on one core, load on the other; every number of a table comes from one run, so its ratios may be compared.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CONTESTANTS } from './contestants.mjs';
import { keepGuessing } from './flood.mjs';
import { flowOnce, loadOnce, median } from './load.mjs';
import { describeMachine, describeVersions, needWrk, pinnedTo, residentBytes, stayOn } from './machine.mjs';
import { askingForTokens, flowing, introspecting, JWT_ASKED, OPAQUE_ASKED, sendingForms } from './oauth.mjs';
import { table } from './table.mjs';
import { keepWriting } from './writer.mjs';

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

const GET_CEILING = 'bare Fastify route';
const POST_CEILING = 'bare Fastify JSON POST';
const PEER = 'better-auth verifyApiKey';
const TOKEN_CEILING = 'bare Fastify form that signs one ES256 JWT';
const VERIFY = 'GET /v1/auth/verify';
const bearer = ({ key }) => ({ headers: { Authorization: `Bearer ${key}` } });
const withToken = ({ token }) => ({ headers: { Authorization: `Bearer ${token}` } });
const anyKey = ({ keysFile }) => ({ script: 'keys', args: [keysFile, '7'] });
const checking = ({ key }) => ({ ...bearer({ key }), script: 'post', args: [JSON.stringify({ key })] });

const aSecond = (count) => Math.round(count / seconds);
/** What goes on beside a row's load: started with it; stopping it says what was done. */
const writing = (perSecond) => (server) => {
  const stop = keepWriting(server, perSecond);
  return async () => `${aSecond(await stop())} keys made a second`;
};
const guessing = (server) => {
  const stop = keepGuessing(server);
  return async () => {
    const { checked, refused } = await stop();
    return `${aSecond(checked)} passwords checked and ${aSecond(refused)} turned away a second`;
  };
};

const verify = { name: VERIFY, server: 'Latchkey', path: '/v1/auth/verify', load: bearer };
const atRandom = (count) => ({
  name: `${VERIFY}, ${count} keys at random`,
  server: `Latchkey, ${count} keys`,
  path: '/v1/auth/verify',
  load: anyKey,
  ratioTo: VERIFY,
  warm: true,
});
/** Two rows of a pair: oidc-provider's, and ours beside it. */
const besidePeer = (what, load, ceiling) => [
  { name: `oidc-provider ${what}`, server: 'oidc-provider', load },
  {
    name: `Latchkey ${what}`,
    server: 'Latchkey with an application',
    load,
    ratioTo: `oidc-provider ${what}`,
    ceiling,
  },
];
/** Rows that are compared stand in one group; the servers of a group run, and take turns, by themselves. */
const GROUPS = [
  [
    { name: 'bare node:http', server: 'node:http', path: '/', load: bearer },
    { name: GET_CEILING, server: 'Fastify', path: '/', load: bearer },
    { ...verify, ratioTo: GET_CEILING },
    {
      name: `${VERIFY}, access token`,
      server: 'Latchkey',
      path: '/v1/auth/verify',
      load: withToken,
      ratioTo: GET_CEILING,
    },
    { name: 'GET /v1/projects', server: 'Latchkey', path: '/v1/projects', load: bearer, ratioTo: GET_CEILING },
  ],
  [
    { name: POST_CEILING, server: 'Fastify', path: '/', load: checking },
    {
      name: 'POST /v1/api-keys/verify',
      server: 'Latchkey',
      path: '/v1/api-keys/verify',
      load: checking,
      ratioTo: POST_CEILING,
    },
  ],
  [verify, atRandom('100,000')],
  [verify, atRandom('1,000,000')],
  [
    { name: PEER, server: 'better-auth', path: '/', load: bearer },
    { ...verify, name: `${VERIFY} beside it`, ratioTo: PEER },
  ],
  [verify, { ...verify, name: `${VERIFY}, during 500 durable writes/s`, ratioTo: VERIFY, meanwhile: writing(500) }],
  [
    { name: TOKEN_CEILING, server: 'Fastify', load: sendingForms },
    ...besidePeer('client credentials, ES256', askingForTokens, TOKEN_CEILING),
  ],
  [
    ...besidePeer('introspection of an opaque token', introspecting(OPAQUE_ASKED)),
    {
      name: 'Latchkey introspection of a JWT',
      server: 'Latchkey with an application',
      load: introspecting(JWT_ASKED),
      ratioTo: 'oidc-provider introspection of an opaque token',
    },
  ],
  besidePeer('authorization code + PKCE, flows of two requests', flowing),
  [
    { ...verify, server: 'Latchkey behind a proxy' },
    {
      ...verify,
      server: 'Latchkey behind a proxy',
      name: `${VERIFY}, during 200 wrong passwords at a time`,
      ratioTo: VERIFY,
      meanwhile: guessing,
    },
  ],
];

const RAW_VERIFY = 'node:crypto, an ES256 signature, in process';
const COLD_TOKEN = 'an access token never seen before, in process';

/** Rows without HTTP: operations a second. */
function measureInProcess() {
  if (options.only && ![RAW_VERIFY, COLD_TOKEN].some((name) => name.includes(options.only))) return [];
  const script = fileURLToPath(new URL('in-process.mjs', import.meta.url));
  const [command, ...args] = [...pinnedTo(0), process.execPath, '--conditions=latchkey-source', script];
  const { raw, ours } = JSON.parse(execFileSync(command, args).toString());
  const ratio = Number((ours / raw).toFixed(2));
  return [
    { name: RAW_VERIFY, operations_per_second: raw },
    { name: COLD_TOKEN, operations_per_second: ours, ratio, ratio_to: RAW_VERIFY },
  ];
}

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
    const running = await CONTESTANTS[server]();
    await answers(running.url + path, bearer(running).headers);
    const startMs = Number(process.hrtime.bigint() - running.began) / 1e6;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    samples.push({ startMs, residentMib: residentBytes(running.pid) / 2 ** 20 });
    await running.stop();
  }
  const middle = (field) =>
    samples.map((sample) => sample[field]).sort((a, b) => a - b)[Math.floor(samples.length / 2)];
  return { start_ms: Math.round(middle('startMs')), resident_mib: Math.round(middle('residentMib')) };
}

async function loadRow(row, server, lengthSeconds) {
  const { path = row.path, ...load } = await row.load(server);
  const measured = { ...load, seconds: lengthSeconds, connections };
  return load.flows ? flowOnce(measured) : loadOnce({ url: server.url + path, ...measured });
}

async function measureRow(row, server) {
  if (!row.meanwhile) return loadRow(row, server, seconds);
  const stop = row.meanwhile(server);
  const result = await loadRow(row, server, seconds);
  return { ...result, meanwhile: await stop() };
}

/** Until V8 has compiled what runs often: flows take twice as long in their first seconds. */
const WARM_UP_SECONDS = 5;
/** What warming up left to be written down is not what is measured. */
const SETTLE_MS = 35_000;

/** Asks once for every key, so that what is measured is the warm state; says what a cached key weighs. */
async function warmUp(row, server) {
  const before = residentBytes(server.pid);
  const keys = readFileSync(server.keysFile, 'utf8').trim().split('\n');
  const workers = Array.from({ length: 16 }, async (_, worker) => {
    for (let index = worker; index < keys.length; index += 16) {
      const response = await fetch(server.url + row.path, bearer({ key: keys[index] }));
      await response.arrayBuffer();
    }
  });
  await Promise.all(workers);
  const bytes = Math.round((residentBytes(server.pid) - before) / keys.length);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  return bytes;
}

/** Rounds are interleaved over the rows of a group, so that a slow moment of the machine falls on all of them. */
async function measureGroup(rows) {
  const running = new Map();
  const extras = new Map();
  const rounds = new Map(rows.map((row) => [row.name, []]));
  try {
    for (const row of rows) {
      if (!running.has(row.server)) running.set(row.server, await CONTESTANTS[row.server]());
      const server = running.get(row.server);
      if (row.warm) extras.set(row.name, { bytes_per_cached_key: await warmUp(row, server) });
      await loadRow(row, server, WARM_UP_SECONDS);
    }
    for (let round = 0; round < roundCount; round += 1) {
      for (const row of rows) rounds.get(row.name).push(await measureRow(row, running.get(row.server)));
    }
  } finally {
    for (const server of running.values()) await server.stop();
  }
  return withRatios(
    rows,
    rows.map(({ name }) => ({ name, ...median(rounds.get(name)), ...extras.get(name) })),
  );
}

function withRatios(rows, measured) {
  const byName = new Map(measured.map((row) => [row.name, row]));
  return measured.map((row) => {
    const { ratioTo: to, ceiling } = rows.find(({ name }) => name === row.name) ?? {};
    const base = to && byName.get(to);
    if (!base) return row;
    const over = (other) => Number((row.requests_per_second / other.requests_per_second).toFixed(2));
    const p99 = Number((row.p99_ms / base.p99_ms).toFixed(2));
    const beside = { ratio: over(base), ratio_to: to, p99_ratio: p99 };
    return ceiling ? { ...row, ...beside, ceiling_ratio: over(byName.get(ceiling)), ceiling } : { ...row, ...beside };
  });
}

/** The groups with a row asked for: those rows, and what they are compared with. */
function chosenGroups() {
  const { only } = options;
  if (!only) return GROUPS;
  return GROUPS.map((group) => {
    const named = group.filter(({ name }) => name.includes(only));
    const bases = new Set(named.flatMap(({ ratioTo, ceiling }) => [ratioTo, ceiling]));
    return group.filter((row) => named.includes(row) || bases.has(row.name));
  }).filter((group) => group.length > 0);
}

/** A row that several groups are compared with is told once, from the first of them. */
async function measureLoad() {
  const rows = new Map();
  for (const group of chosenGroups()) {
    for (const row of await measureGroup(group)) if (!rows.has(row.name)) rows.set(row.name, row);
  }
  return [...rows.values(), ...measureInProcess()];
}

needWrk();
stayOn(1);
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
  settings: { connections, seconds, rounds: roundCount },
  rows: await measureLoad(),
  starts,
};
if (!options.only) {
  mkdirSync(new URL('results/', import.meta.url), { recursive: true });
  writeFileSync(new URL('results/latest.json', import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
}
process.stdout.write(options.json ? `${JSON.stringify(result)}\n` : table(result));
