import { afterEach, expect, test } from 'vitest';
import { freshPostgres, manualClock, startServer, stopServers } from '../harness.ts';
import { startPostgresProxy } from '../storage/postgres-proxy.ts';
import { allow, answerOf, newApp, personAtBrowser, redeem, requestPath } from './authorizing.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  await stopServers();
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const PERIODIC =
  /"(?:changes|job_leases|audit_batches|audit_keys|mail_outbox|signing_keys|token_\w+)"|_sealed" is not null|"audit_events" where|^update audit_events set batch|\blimit_buckets\b|^(?:begin|commit|rollback)/;

test('who said yes before costs one insert, and redeeming their code one update', async () => {
  const proxy = await startPostgresProxy(await freshPostgres());
  cleanups.push(proxy.close);
  const env = { LATCHKEY_DATABASE_URL: proxy.url };
  const server = await startServer({ database: 'postgres', env, clock: manualClock() });
  const app = await newApp(server);
  const { client } = await personAtBrowser(server);
  await allow(client, app);
  await client.get(requestPath(app));
  const during = async (work: () => Promise<unknown>) => {
    const from = proxy.statements.length;
    await work();
    return proxy.statements.slice(from).filter((statement) => !PERIODIC.test(statement));
  };
  let code = '';
  const asking = await during(async () => {
    code = answerOf(await client.get(requestPath(app))).code ?? '';
  });
  expect(asking).toEqual([expect.stringMatching(/^insert into "authorization_codes"/)]);
  const redeeming = await during(async () => {
    expect(await redeem(server, app, code)).toMatchObject({ outcome: 'redeemed' });
  });
  expect(redeeming).toEqual([expect.stringMatching(/^update authorization_codes/)]);
});
