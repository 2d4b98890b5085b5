import { describe, expect, test } from 'vitest';
import { DATABASES, freshPostgres } from '../harness.ts';
import { fuzz } from './fuzz.ts';
import { RAW_CASES } from './raw-cases.ts';

/** Another seed finds other things: `npm run fuzz -- --requests 200000 --seed N`. */
const SEED = 1;
const REQUESTS = { sqlite: 3000, postgres: 1500 };

/** Got through to what they are for, by clients that know how to ask. */
const OAUTH_KINDS = [
  'GET /oauth/authorize',
  'authorization_code',
  'refresh_token',
  'client_credentials',
  'urn:ietf:params:oauth:grant-type:jwt-bearer',
  'POST /oauth/revoke',
  'POST /oauth/introspect',
  'POST /oauth/register',
  'GET /oauth/register/{client_id}',
];

describe.concurrent.each(DATABASES)('hostile input on %s', (database) => {
  test('surprises nothing and leaves nothing behind', { timeout: 240_000 }, async () => {
    const databaseUrl = database === 'postgres' ? await freshPostgres() : null;
    const report = await fuzz({ seed: SEED, requests: REQUESTS[database], databaseUrl });
    expect(report.violations).toEqual([]);
    expect(report.requests).toBe(REQUESTS[database]);
    expect(report.rawConnections).toBeGreaterThanOrEqual(RAW_CASES.length);
    // What is only ever refused is not tested.
    expect(report.reached).toBeGreaterThan(70);
    for (const kind of OAUTH_KINDS) expect(report.oauth[kind], kind).toBeGreaterThan(0);
    for (const status of [200, 201, 204, 400, 401, 403, 404, 405, 415, 422, 429]) {
      expect(report.statuses[status], `status ${status}`).toBeGreaterThan(0);
    }
  });
});
