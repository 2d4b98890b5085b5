// One process of several on one PostgreSQL database, started by `run-together.ts`: a whole server. Waits for the word,
// then does its task many times at once.
import { once } from 'node:events';
import { systemActor } from '../../src/audit/index.ts';
import { systemClock } from '../../src/clock.ts';
import { compose, MIGRATIONS, openDatabase } from '../../src/compose.ts';
import { readConfig } from '../../src/config/index.ts';
import { pooledRandom } from '../../src/crypto/index.ts';
import { createLog } from '../../src/log.ts';

export type TokensWork = {
  url: string;
  dataDir: string;
  calls: number;
} & ({ task: 'cold_start' } | { task: 'refresh'; token: string });

/** `cold_start`: the kids that sign after it. `refresh`: the successors, or why there was none. */
export type TokensResult = { answers: string[]; access: string[] };

const randomBytes = pooledRandom();
const work = JSON.parse(process.argv[2] ?? '') as TokensWork;
const env = {
  PORT: '0',
  LATCHKEY_DATA_DIR: work.dataDir,
  LATCHKEY_DATABASE_URL: work.url,
  LATCHKEY_ISSUER: 'http://localhost:4000',
};
const { config } = readConfig(env, work.dataDir, randomBytes);
const log = createLog('error', process.stderr);
const surroundings = { clock: systemClock, randomBytes, log, version: 'test' };
const database = openDatabase(config, log);

const start = () => compose(config, surroundings, database);

async function coldStart(): Promise<TokensResult> {
  const servers = await Promise.all(Array.from({ length: work.calls }, start));
  return { answers: servers.map(({ signingKeys }) => signingKeys.signer('ES256').kid), access: [] };
}

async function refreshOften(token: string): Promise<TokensResult> {
  const { tokens, changes } = await warm;
  const presented = { token, clientId: 'latchkey', actor: systemActor };
  const results = await Promise.all(
    Array.from({ length: work.calls }, () => database.write((tx) => tokens.refresh(tx, presented))),
  );
  await changes.stop();
  return {
    answers: results.map((result) => (result.outcome === 'refreshed' ? result.refreshToken.text : result.reason)),
    access: results.flatMap((result) => (result.outcome === 'refreshed' ? [result.accessToken.text] : [])),
  };
}

async function warmServer() {
  const server = await start();
  await server.changes.start();
  return server;
}

await database.ping();
const warm = work.task === 'cold_start' ? Promise.reject(new Error('cold')) : warmServer();
await warm.catch(() => {});
process.stdout.write('ready\n');
await once(process.stdin, 'data');
if (work.task === 'cold_start') await database.migrate(MIGRATIONS, { dryRun: false, nowMs: systemClock.nowMs() });
const result = work.task === 'refresh' ? await refreshOften(work.token) : await coldStart();
process.stdout.write(`${JSON.stringify(result)}\n`);
await database.close();
