import { rmSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { compose, MIGRATIONS, openDatabase } from '../../src/compose.ts';
import { readConfig } from '../../src/config/index.ts';
import { createLog } from '../../src/log.ts';
import { freshPostgres, stopServers, temporaryFolder } from '../harness.ts';
import { runTogether } from '../workers/run-together.ts';
import { pairOf, randomBytes, refresh, refusalOf, startFamily, startServer, verdictOf } from './issuing.ts';
import type { TokensResult, TokensWork } from './tokens-worker.ts';

const folders: string[] = [];
afterEach(async () => {
  await stopServers();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = temporaryFolder();
  folders.push(folder);
  return folder;
}

const WORKER = '../tokens/tokens-worker.ts';

test('fifty cold starts in two processes on PostgreSQL make one active and one next key', async () => {
  const url = await freshPostgres();
  const dataDir = newFolder();
  // Both need the same encryption keys, as two servers of one installation have.
  readConfig({ LATCHKEY_DATA_DIR: dataDir }, dataDir, randomBytes);
  const work: TokensWork = { task: 'cold_start', url, dataDir, calls: 25 };
  const results = await runTogether<TokensResult>(WORKER, [work, work]);
  const kids = results.flatMap(({ answers }) => answers);
  expect(kids).toHaveLength(50);
  expect(new Set(kids).size).toBe(1);
  const server = await startServer({ database: 'postgres', env: { LATCHKEY_DATABASE_URL: url }, dataDir });
  const rows = await server.latchkey.database.read.selectFrom('signing_keys').select(['kid', 'state']).execute();
  expect(rows.map(({ state }) => state).sort()).toEqual(['active', 'next']);
  expect(rows.find(({ state }) => state === 'active')?.kid).toBe(kids[0]);
});

test('fifty cold starts at once on one SQLite file make one active and one next key', async () => {
  const dataDir = newFolder();
  const { config } = readConfig({ LATCHKEY_DATA_DIR: dataDir }, dataDir, randomBytes);
  const log = createLog('error', { write: () => {} });
  const database = openDatabase(config, log);
  await database.migrate(MIGRATIONS, { dryRun: false, nowMs: 1 });
  const surroundings = { clock: systemClock, randomBytes, log, version: 'test' };
  const servers = await Promise.all(Array.from({ length: 50 }, () => compose(config, surroundings, database)));
  const kids = new Set(servers.map(({ signingKeys }) => signingKeys.signer('ES256').kid));
  const rows = await database.read.selectFrom('signing_keys').select('state').execute();
  await database.close();
  expect(kids.size).toBe(1);
  expect(rows.map(({ state }) => state).sort()).toEqual(['active', 'next']);
});

test('fifty refreshes of one token in two processes give one successor; fifty of a spent one end the family once', async () => {
  const env = { LATCHKEY_DATABASE_URL: await freshPostgres(), LATCHKEY_ISSUER: 'http://localhost:4000' };
  const server = await startServer({ database: 'postgres', env });
  const { refreshToken, family } = await startFamily(server);
  const work: TokensWork = {
    task: 'refresh',
    url: env.LATCHKEY_DATABASE_URL,
    dataDir: server.dataDir,
    calls: 25,
    token: refreshToken.text,
  };
  const results = await runTogether<TokensResult>(WORKER, [work, work]);
  const successors = new Set(results.flatMap(({ answers }) => answers));
  expect([...successors]).toEqual([expect.stringMatching(/^lk_rt_/)]);
  const access = results.flatMap((result) => result.access);
  expect(access).toHaveLength(50);
  for (const token of access) expect(await verdictOf(server, token)).toBe('valid');

  const [successor = ''] = successors;
  const third = pairOf(await refresh(server, successor));
  const again = await runTogether<TokensResult>(WORKER, [work, work]);
  const reasons = again.flatMap(({ answers }) => answers);
  expect(reasons).toContain('reused');
  for (const reason of reasons) expect(['reused', 'revoked']).toContain(reason);
  expect(refusalOf(await refresh(server, third.refreshToken.text))).toBe('revoked');
  const events = await server.latchkey.database.read
    .selectFrom('audit_events')
    .select('target_id')
    .where('action', '=', 'token_family.reused')
    .execute();
  expect(events).toEqual([{ target_id: family.id }]);
});
